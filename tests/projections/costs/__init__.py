"""Price books and what they make of tasks."""
