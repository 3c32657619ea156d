"""Runs and comparisons to text."""
