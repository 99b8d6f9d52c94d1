"""Transitions → alerts → receivers. `episodes.py` and `book.py` decide; `notifier.py`, `outbox.py`, `deliver.py` do it."""
