"""What speaks with a running tracker over HTTP: commands about runs are built on it. No store is opened here."""
