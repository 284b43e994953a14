"""A search as a user has it: asked for, counted, written down, stopped and gone on with, and what it found."""
