"""The processes that the commands start, a file each."""
