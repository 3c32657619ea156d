"""What a user has set without any effect: it would else be believed to hold."""

from __future__ import annotations

import os

import pytest

from pytest_promptevals.pytest_glue.identity import VARIABLE
from pytest_promptevals.pytest_glue.options import given_option, settings_of
from pytest_promptevals.settings import explain_unknown_variables


def idle_settings(config: pytest.Config) -> list[str]:
    """Return environment variables and options of a session that have no effect, a sentence each."""
    sentences = explain_unknown_variables(os.environ, [VARIABLE])
    trials = given_option(config, "max_trials")
    if trials is not None and not settings_of(config).adaptive:
        sentences.append(
            f"--evals-max-trials {trials} has no effect without --evals-adaptive; --evals-trials {trials} asks for as "
            "many of each case"
        )
    return sentences
