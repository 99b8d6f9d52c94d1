"""S3, and the archive of the log in it."""
