"""What the electricity of tasks emits: an estimate, with its assumptions beside it."""
