"""Load and faults together: real processes, killed and paused at random, and books that must balance at the end."""
