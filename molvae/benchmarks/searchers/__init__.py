"""Searches to compare with, in the same harness."""
