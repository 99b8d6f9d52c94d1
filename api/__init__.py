"""Tables → JSON and web pages. Reads through `api/queries/*.sql`, writes nothing but events on the log."""
