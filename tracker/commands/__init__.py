"""The commands of `tracker`, a file each."""
