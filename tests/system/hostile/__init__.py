"""What a hostile caller sends, against the tracker as users run it: it goes on, and answers others."""
