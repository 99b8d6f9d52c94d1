"""What tasks cost on hosts that were announced: the price of a host, shared among all that ran on it."""
