"""A run and its baseline to deltas and verdicts. Pure functions: no files, no database, no clock."""
