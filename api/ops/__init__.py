"""How the tracker itself stands."""
