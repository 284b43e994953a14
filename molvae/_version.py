"""The version, in a file of its own because the lowest rooms write it into what they save."""

__version__ = "0.1.0"
