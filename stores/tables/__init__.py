"""The tables: a ClickHouse server or chDB, and their migrations."""
