"""What the tracker does on this machine, measured: see bench/README.md."""
