"""The adapters: the log (Kafka or a local file) and the tables (ClickHouse server or chDB). Imports only `schemas`."""
