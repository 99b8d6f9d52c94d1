"""What is said of the machines that tasks run on."""
