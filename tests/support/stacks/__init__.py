"""Whole trackers as processes, embedded and scaled, with the clients and loads that tests, chaos and benches put on them."""
