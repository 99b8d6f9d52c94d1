"""Dead letters: what was accepted and could not be used, shown and read again."""
