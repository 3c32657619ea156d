"""Options that take a whole number."""

from __future__ import annotations

import click


class WholeNumber(click.IntRange):
    """A whole number within bounds, which an error calls so."""

    name = "whole number"
