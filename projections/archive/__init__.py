"""The log to the archive in S3."""
