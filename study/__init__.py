"""What spans experiments: run the grid, show it."""
