"""Notes and analyses about a run."""
