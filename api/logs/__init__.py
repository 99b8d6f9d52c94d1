"""Log files of runners and tasks, as far as they lie in allowed folders."""
