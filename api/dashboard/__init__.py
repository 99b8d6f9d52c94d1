"""What the runs of a person cost and keep, and the page on which their outputs are deleted together."""
