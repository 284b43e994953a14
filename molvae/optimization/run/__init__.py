"""A search in a folder: `start` begins or resumes it, `runner` is its loop, `folder` holds its settings.

`budgeted_objective` counts and caches the calls, `log` writes them down, and `result` has tables and pictures of them.
`measured` suggests molecules from measured values, without an objective.
"""
