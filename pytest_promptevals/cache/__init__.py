"""Paid responses, kept: the response cache, and recordings to commit."""
