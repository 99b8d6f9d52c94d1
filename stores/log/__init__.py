"""The log: the port, Kafka, and one SQLite file."""
