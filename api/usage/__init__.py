"""What tasks requested, against what they used."""
