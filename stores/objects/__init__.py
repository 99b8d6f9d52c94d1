"""Folders of objects that runs left behind, on S3 or on this machine: one port with two backends, and pure rules of paths."""
