"""HTTP in, events on the log. Dialects are pure mappings, one file each; `app.py` is the shell."""
