"""What ingest keeps on disk while the log is away."""
