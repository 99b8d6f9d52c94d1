"""Log → tables. `rows.py` and `clock.py` decide, `sql/` holds the figures, `projector.py` does it in order."""
