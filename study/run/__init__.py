"""Run the grid of a study file as experiments."""
