"""Answers that are long and made to be slow to read: the time that one takes grows as its length does."""

from __future__ import annotations

import subprocess
import sys

LENGTH = 200_000
PATIENCE = 300
"""Seconds for all of them, which take about ten: only what grows with the square of the length takes longer."""

SCRIPT = f"""
from pytest_promptevals.judges.model.forms import ChoiceForm, ScoreForm
from pytest_promptevals.judges.model.scales import Scale

FORMS = [ScoreForm(Scale(1, 5)), ScoreForm(Scale(0, 100), ("accuracy", "clarity")), ChoiceForm(("yes", "no"))]
SHAPES = [
    ("score", "\\n", "x"), ("", "\\n", ""), ("{{", " ", "!"), ("", "{{ ", ""), ("", "1", ""), ("", "1,2", ""),
    ("", "*a", ""), ("a", "*", "a"), ("score ", " ", "4x"), ("", "score ", "4"), ("", "I rate it ", "x"),
    ("", '{{"a": 1, ', ""), ('{{"score": "', "1", '"}}'), ('{{"score": 4}}', "the ", "x"), ("", "verdict: ", ""),
    ("<think>", "</", ""), ("", "<a>4", ""), ("", "(", '{{"verdict": "yes"}}'),
    ("Score: 4\\nReasoning: ", "the ", "x"), ("", "rate it ", "\\nScore: 4"), ("Verdict: yes\\nWhy: ", "be ", "x"),
    ('{{"score": 4, "reasoning": "', "\\\\a", ""), ("", "contains a ", ""), ("", "I prefer ", ""),
]
for number, (first, piece, last) in enumerate(SHAPES):
    text = first + (piece * {LENGTH})[:{LENGTH} - len(first) - len(last)] + last
    try:
        FORMS[number % len(FORMS)].read(text)
    except ValueError:
        pass
print("all are read, or refused")
"""


def test_no_shape_of_an_answer_makes_reading_it_hang() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout == "all are read, or refused\n"
