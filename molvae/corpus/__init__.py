"""A user's file -> clean molecules -> batches."""
