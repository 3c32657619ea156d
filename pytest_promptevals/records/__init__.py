"""Frozen records that travel down the pipe, and the one codec to and from plain JSON."""
