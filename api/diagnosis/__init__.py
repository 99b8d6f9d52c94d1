"""Why runs failed: fixed rules over what is held of a failure."""
