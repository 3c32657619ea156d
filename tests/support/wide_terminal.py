"""A terminal in which no message is broken into lines."""

from __future__ import annotations

from typing import Final

WIDE: Final = {"COLUMNS": "2000"}
"""Environment for commands whose errors are compared word for word."""
