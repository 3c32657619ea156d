"""A word to the user while a session is going on."""

from __future__ import annotations

import pytest

from pytest_promptevals.pytest_glue.writing import write_filled


def say(config: pytest.Config, text: str) -> None:
    """Write a text on lines of its own; a quiet session says nothing."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or config.get_verbosity() < 0:
        return
    terminal.ensure_newline()
    if terminal._tw.width_of_current_line:  # noqa: SLF001 - beside workers, pytest does not know of its dots
        terminal.write_line("")
    write_filled(terminal, [text])
