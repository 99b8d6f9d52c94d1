"""Reports among a run's outputs, as its `tracker.yml` names them."""
