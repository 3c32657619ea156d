"""Eval files as files of other tools, one file for each format."""
