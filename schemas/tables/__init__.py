"""The DDL of every table: numbered SQL files, forward only; `stores/migrate.py` applies them."""
