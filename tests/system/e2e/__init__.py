"""The whole tracker as users run it: real processes, spoken to over HTTP alone."""
