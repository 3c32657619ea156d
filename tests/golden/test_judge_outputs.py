"""Two hundred and more answers of judge models, as they come: each is read rightly, or not at all.

The answers stand in ``judge_outputs``, a line each: the ``form`` that was asked for, the ``text`` that came, and what
it says under ``want``, or ``error`` if that cannot be known without guessing. ``answers.jsonl`` holds answers as they
usually come, and ``adversarial.jsonl`` those that a careless reader takes for something that they do not say:
quotations, negations, conditions, corrections, hedges, other scales, numbers of something else, broken JSON.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_promptevals.judges.model.forms import AnswerForm, Choice, ChoiceForm, ScoreForm, Verdict
from pytest_promptevals.judges.model.scales import Scale

FOLDER: Final = Path(__file__).parent / "judge_outputs"
USUAL: Final[list[dict[str, Any]]] = [
    json.loads(line) for line in (FOLDER / "answers.jsonl").read_text("utf-8").splitlines()
]
ADVERSARIAL: Final[list[dict[str, Any]]] = [
    json.loads(line) for line in (FOLDER / "adversarial.jsonl").read_text("utf-8").splitlines()
]
ROWS: Final = [*USUAL, *ADVERSARIAL]
FORMS: Final[dict[str, AnswerForm[Verdict] | AnswerForm[Choice]]] = {
    "one_to_five": ScoreForm(Scale(1, 5)),
    "zero_to_ten": ScoreForm(Scale(0, 10)),
    "share": ScoreForm(Scale(0, 1, is_whole=False)),
    "hundred": ScoreForm(Scale(0, 100)),
    "two_dimensions": ScoreForm(Scale(1, 5), ("accuracy", "clarity")),
    "choice": ChoiceForm(("A", "B", "tie")),
    "yes_no": ChoiceForm(("yes", "no")),
    "winner": ChoiceForm(("first_response", "second_response", "tie"), key="winner"),
    "tone": ChoiceForm(("rude", "neutral", "polite"), key="label"),
}
READABLE: Final = [row for row in ROWS if row["want"] != "error"]
UNREADABLE: Final = [row for row in ROWS if row["want"] == "error"]


def each(rows: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "row", rows, ids=[f"{number}-{row['form']}" for number, row in enumerate(rows, start=1)]
    )


def say(answer: Verdict | Choice) -> object:
    if isinstance(answer, Choice):
        return answer.choice
    return dict(answer.dimensions) or answer.overall


def test_the_corpus_is_large_and_every_answer_in_it_another() -> None:
    assert len(USUAL) >= 350
    assert len(ADVERSARIAL) >= 400
    assert len(READABLE) >= 290
    assert len({(row["form"], row["text"]) for row in ROWS}) == len(ROWS)


@each(READABLE)
def test_what_can_be_read_is_read_rightly(row: dict[str, Any]) -> None:
    assert say(FORMS[row["form"]].read(row["text"])) == row["want"]


@each(UNREADABLE)
def test_what_cannot_be_read_is_not_guessed(row: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        FORMS[row["form"]].read(row["text"])
