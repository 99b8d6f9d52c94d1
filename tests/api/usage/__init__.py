"""What was requested and used."""
