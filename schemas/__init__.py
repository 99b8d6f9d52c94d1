"""The contracts: events, statuses, topics, settings, metrics, and the DDL of every table. Imports nothing of ours."""
