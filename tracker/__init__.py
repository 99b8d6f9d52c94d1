"""The command line, and `tracker up`, which wires all stages into one process."""
