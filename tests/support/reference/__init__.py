"""A plain reducer of the events, and the tables compared with what it says. No test stands here."""
