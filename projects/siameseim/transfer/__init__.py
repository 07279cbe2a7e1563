"""What transfer tasks share: checks and command lines."""
