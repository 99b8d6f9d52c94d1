"""Commands about runs: start one that is followed, wait for one, look at them. Each asks a running tracker."""
