"""Tasks of a run and its processes."""
