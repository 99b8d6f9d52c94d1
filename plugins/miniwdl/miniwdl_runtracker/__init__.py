"""miniwdl reports to a Run Tracker: it calls `plugin.py`, `reporter.py` hears and delivers, `run.py` says what it means."""
