"""Pipelines: how the runs of each went, how long they take and what they cost."""
