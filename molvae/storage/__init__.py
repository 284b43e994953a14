"""Files and folders: whole or not there, one writer at a time; the cache; where runs are. Without torch."""
