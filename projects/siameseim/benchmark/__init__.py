"""Measures how fast a training step is and how much memory it takes."""
