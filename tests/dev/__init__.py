"""The scripts of `dev/`."""
