"""Tokens in the table `tokens`, and the list of them that a process keeps in memory."""
