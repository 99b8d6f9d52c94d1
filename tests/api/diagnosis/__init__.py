"""Why runs failed: the rules, the answer, the page."""
