"""Files and folders: atomic writes, run folders with locks, the cache, the latest run. Without torch."""
