"""Transitions → alerts → receivers. `episodes.py` and `registry.py` decide; `notifier.py`, `outbox.py`, `deliver.py` do it."""
