"""Where images come from: one module a source, each with its record and the function that brings it."""
