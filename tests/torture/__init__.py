"""Faults, many of each, on real parts: `make torture` writes docs/reliability.md; test_sample.py tries a few of each.

A fault class is a function that is given a generator of random numbers, makes one case of it and says how it ended.
Class, seed and number of a case make it again.
"""
