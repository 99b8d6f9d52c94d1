"""The collector: looks at what runs left behind when they end, and says all that it found as events on the log."""
