"""Hostile input, seeded: what found something can be made again. `make fuzz` runs many, the tests here a few."""
