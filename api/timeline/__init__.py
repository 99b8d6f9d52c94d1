"""The task timeline of a run."""
