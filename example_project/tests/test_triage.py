"""An eval in Python: the marker makes one test of each case in the dataset."""

import pytest
from triage import choose_queue

from pytest_promptevals import Case, Recorder

# Type checkers do not know that pytest.ini puts triage.py on the path.


@pytest.mark.evals("triage.cases.jsonl")
def test_queue(case: Case, evals: Recorder) -> None:
    """Who answers the message? ``evals.judge`` puts the queue to the dataset's judges and records their scores."""
    evals.judge(choose_queue(str(case.input)))
