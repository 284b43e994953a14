"""Figures with matplotlib (`plots`), and HTML pages that are one file each (`pages`)."""
