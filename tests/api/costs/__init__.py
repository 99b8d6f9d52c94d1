"""What runs cost, as answers, pages and CSV."""
