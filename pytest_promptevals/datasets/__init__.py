"""Eval files to cases: what a user wrote, checked, with defaults applied and every line known."""
