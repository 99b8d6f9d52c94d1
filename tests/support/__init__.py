"""The real services that the tests and bench/ run against, without a container engine."""
