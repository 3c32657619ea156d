"""What a self-test found out, as text."""

from __future__ import annotations

from typing import Any

from pytest_promptevals.engine.selftest import FileTest, Pass
from pytest_promptevals.engine.useless_models import USELESS_MODELS
from pytest_promptevals.records.cases import Location
from pytest_promptevals.reports.selftest import selftest_lines

FILE = "evals/a.eval.yaml"


def found(cases: int, *passes: Pass, file: str = FILE, **fields: Any) -> FileTest:
    answered = {model.name: cases for model in USELESS_MODELS}
    return FileTest(file, cases, **{"answered": answered, "passes": passes, **fields})


def passed(number: int, model: str = "empty", *, is_dead: bool = True) -> Pass:
    return Pass(f"case-{number}", Location(FILE, number), model, ("length",), is_dead)


def text(*tests: FileTest, width: int = 80, verbosity: int = 0) -> str:
    return "\n".join(line.text for line in selftest_lines(tests, level=1, width=width, verbosity=verbosity))


def test_nothing_selected_is_said() -> None:
    assert text() == "selftest: no eval case is selected"


def test_nothing_judged_is_said() -> None:
    assert text(found(0, unjudged=3)) == "selftest: none of the selected cases has a judge up to level 1"


def test_shares_are_whole_numbers_and_only_all_and_none_are_shown_as_such() -> None:
    passes = [*map(passed, range(999)), passed(1, "echo"), *(passed(number, "long") for number in range(1000))]
    answered = {"empty": 1000, "refusal": 1000, "echo": 1000, "shuffled": 0, "long": 1000, "repeat": 1000}

    lines = text(found(1000, *passes, answered=answered)).splitlines()

    assert lines[1:3] == [
        "eval file          cases  empty  refusal  echo  shuffled  long  repeat",
        "evals/a.eval.yaml   1000    99%       0%    1%         -  100%      0%",
    ]


def test_long_names_of_files_are_cut_and_lines_fit_the_width() -> None:
    name = "a-very-long-folder/" * 5 + "a.eval.yaml"
    item = Pass("c" * 20, Location(name, 1), "empty", ("first", "second"), is_dead=True)

    lines = text(found(1, item, file=name), width=80).splitlines()

    assert lines[2].startswith("...")
    assert len(lines[2]) <= 80


def test_many_dead_cases_are_listed_only_if_asked_for() -> None:
    test = found(30, *map(passed, range(30)))

    short, long = text(test), text(test, verbosity=1)

    assert "  ... and 10 more, -v lists them" in short
    assert short.count("passed by empty") == 20
    assert long.count("passed by empty") == 30
    assert "more" not in long


def test_a_case_is_listed_once_with_all_answers_that_it_passes() -> None:
    shown = text(found(1, passed(1), passed(1, "refusal")))

    assert "  evals/a.eval.yaml:1: case-1: passed by empty, refusal; judges: length\n" in shown
    assert "selftest: 1 of 1 case is dead: an empty answer or a refusal passes." in shown


def test_what_passes_without_being_dead_is_listed_if_asked_for() -> None:
    test = found(2, passed(1, "echo", is_dead=False))

    assert "passed by echo" not in text(test)
    assert (
        "other cases that such an answer passes:\n  evals/a.eval.yaml:1: case-1: passed by echo; judges: length\n"
        in text(test, verbosity=1)
    )
    assert "other cases" not in text(found(2), verbosity=1)


def test_what_was_left_out_and_spent_is_said() -> None:
    shown = text(found(2, unjudged=1, errors=2, spent=0.5))

    assert (
        "1 case without a judge up to level 1: not tested\n2 answers could not be judged, and so did not pass\n"
        in shown
    )
    assert "the judges spent $0.50\n" in shown
    assert shown.endswith("selftest: none of 2 cases is passed by an empty answer or a refusal")


def test_the_verdict_is_red_or_green() -> None:
    colours = [
        selftest_lines([test], level=1, width=80, verbosity=0)[-1].markup for test in (found(1, passed(1)), found(1))
    ]

    assert colours == [{"red": True, "bold": True}, {"green": True}]
