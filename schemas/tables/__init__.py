"""The DDL of every table: numbered SQL files, forward only; `stores/tables/migrate.py` applies them."""
