"""Runs: the list, the page of one run, labels, hiding, history."""
