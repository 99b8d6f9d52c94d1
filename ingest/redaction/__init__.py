"""Takes secrets out of what runners send before it reaches the log: what was never written cannot leak from a table,
a page or a backup.

A secret is known by the name it stands under (`names.py`) or by its own shape (`shapes.py`). `text.py` walks texts,
`commands.py` knows command lines whose passwords have no name, `payloads.py` walks JSON and events. Every function
is pure, idempotent, and linear in its input. docs/adr/0009-redaction-by-shape-and-name.md has the reasons.
"""
