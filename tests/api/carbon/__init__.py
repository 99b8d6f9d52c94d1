"""What tasks emit."""
