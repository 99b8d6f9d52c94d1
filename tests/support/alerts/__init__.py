"""What the tests of alerts share: the notifier without waits, a receiver, traces on a stage. No test stands here."""
