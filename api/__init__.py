"""Tables → JSON and web pages. Reads through the SQL beside the code, writes nothing but events on the log."""
