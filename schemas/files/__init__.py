"""Contracts of the files that runs leave behind: their settings, and the events about them."""
