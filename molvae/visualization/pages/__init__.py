"""Pages that are one file each: they open from a disk, load nothing, and hold all their data."""
