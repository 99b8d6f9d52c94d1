"""Why something failed, by fixed rules: pure, so that pages, answers and alerts give the same cause."""
