"""Real runners that report to a real tracker."""
