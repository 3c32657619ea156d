"""Numbered migrations of the history database, oldest first. A released one is never changed."""
