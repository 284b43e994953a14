"""What `molvae benchmark ...` measures, always beside something to compare with, in one run on one machine."""
