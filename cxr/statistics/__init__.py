"""Metrics of classifiers, how sure they are, and how classifiers compare."""
