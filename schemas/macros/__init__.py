"""Macros of SQL, the one definition of what many statements share: a run's row and status, a task's facts."""
