"""Writes the shipped JSON Schema anew: ``python -m tests.support.write_schema``."""

from __future__ import annotations

from pathlib import Path

from pytest_promptevals.cli.schema import SHIPPED_FILE, schema_text

if __name__ == "__main__":
    folder = Path(__file__).resolve().parents[2] / "pytest_promptevals" / "datasets"
    (folder / SHIPPED_FILE).write_text(schema_text(), encoding="utf-8", newline="\n")
