"""Reads the log: the Faust agent where it is Kafka, a plain loop where it is a file. Decides nothing about events."""
