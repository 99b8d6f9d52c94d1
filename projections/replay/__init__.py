"""Replay of the whole log into shadow tables, and the comparison of what is stored."""
