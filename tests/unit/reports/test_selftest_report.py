"""What a self-test found out, as text."""

from __future__ import annotations

from typing import Any

from pytest_promptevals.engine.selftest import FileTest, Pass, Undecided
from pytest_promptevals.engine.useless_models import USELESS_MODELS
from pytest_promptevals.records.cases import Location
from pytest_promptevals.reports.selftest import selftest_lines

FILE = "evals/a.eval.yaml"


def found(cases: int, *passes: Pass, file: str = FILE, **fields: Any) -> FileTest:
    answered = {model.name: cases for model in USELESS_MODELS}
    return FileTest(file, cases, **{"answered": answered, "passes": passes, **fields})


def passed(number: int, model: str = "empty", *, is_dead: bool = True) -> Pass:
    return Pass(f"case-{number}", Location(FILE, number), model, ("length",), is_dead)


def undecided(
    number: int, judges: tuple[str, ...] = ("rubric",), level: int = 2, calls: int = 4, error: str = ""
) -> Undecided:
    return Undecided(f"case-{number}", Location(FILE, number), judges, level, calls, error)


def text(*tests: FileTest, width: int = 80, verbosity: int = 0) -> str:
    return "\n".join(line.text for line in selftest_lines(tests, width=width, verbosity=verbosity))


def test_nothing_selected_is_said() -> None:
    assert text() == "selftest: no eval case is selected"


def test_what_is_not_decided_is_listed_with_how_to_decide_it() -> None:
    how = (
        "--evals-level 3 decides 2 cases: it has their judge models asked about the useless answers, at least 6 calls, "
        "which costs unless they are in the cache; --evals-max-cost limits that"
    )
    broken = undecided(5, (), 0, 0, error="judge 'rubric': no key\nand more")

    assert text(found(3, undecided=(undecided(4), undecided(6, level=3, calls=2), broken)), width=200).splitlines() == [
        "share of cases that an answer passes which knows nothing, as far as that is decided:",
        "eval file          cases  empty  refusal  echo  shuffled  long  repeat",
        "evals/a.eval.yaml      3     0%       0%    0%        0%    0%      0%",
        "",
        "cases that are not decided, since a judge was not heard:",
        "  evals/a.eval.yaml:4: case-4: rubric (level 2)",
        "  evals/a.eval.yaml:6: case-6: rubric (level 3)",
        "  evals/a.eval.yaml:5: case-5: judge 'rubric': no key",
        "",
        how,
        "selftest: 3 of 3 cases are not decided",
    ]


def test_a_level_only_may_decide_where_a_judge_that_compares_is_not_asked() -> None:
    comparing = "pairwise: compares"
    items = (
        Undecided("a", Location(FILE, 1), ("rubric",), 2, 4, comparing=comparing),
        Undecided("b", Location(FILE, 2), (), error="judge 'rubric': " + "e" * 300, comparing=comparing),
    )

    lines = text(found(2, undecided=items), width=400).splitlines()

    assert f"  {FILE}:1: a: rubric (level 2); pairwise: compares" in lines
    assert f"  {FILE}:2: b: judge 'rubric': {'e' * 184}…; pairwise: compares" in lines
    assert any(line.startswith("--evals-level 2 may decide 1 case: it has ") for line in lines)


def test_what_is_decided_is_told_apart_from_what_is_not() -> None:
    shown = text(found(2, undecided=(undecided(1, (), 0, 0, error="e" * 300),)), width=300)

    assert f"case-1: {'e' * 200}…\n" in shown
    assert "--evals-level" not in shown
    assert shown.endswith(
        "selftest: 1 of 2 cases is not decided, and none of the others is passed by an empty answer or a refusal"
    )


def test_what_is_exempt_is_named() -> None:
    needless = "no need for the tag no-selftest, since neither an empty answer nor a refusal passes: leak\n"
    assert text(found(0, exempt=("leak",))).splitlines()[-2:] == [
        "1 case exempt by the tag no-selftest: leak",
        "selftest: all of the selected cases are exempt",
    ]
    assert "1 case exempt by the tag no-selftest: leak\n" + needless in text(
        found(1, exempt=("leak",), needless=("leak",)), width=200
    )
    many = text(found(1, exempt=tuple(f"c{number}" for number in range(25))), width=200)
    assert "25 cases exempt by the tag no-selftest: c0, " in many
    assert ", c19, and 5 more\n" in many


def test_a_misspelt_tag_is_said_to_exempt_nothing() -> None:
    assert "\n1 case with a tag that exempts nothing, did you mean no-selftest: a\n" in text(found(2, misspelt=("a",)))


def test_a_case_that_only_forbids_is_said_to() -> None:
    item = Pass("leak", Location(FILE, 1), "empty", ("not contains",), is_dead=True, only_forbids=True)

    assert "leak: passed by empty; all judges only forbid: not contains\n" in text(found(1, item), width=100)


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
    shown = text(found(2, errors=2, spent=0.5))

    assert "2 answers could not be judged, and so did not pass\n" in shown
    assert "the judges spent $0.50\n" in shown
    assert shown.endswith("selftest: none of 2 cases is passed by an empty answer or a refusal")


def test_the_verdict_is_red_or_green_or_yellow() -> None:
    colours = [
        selftest_lines([test], width=80, verbosity=0)[-1].markup
        for test in (found(1, passed(1)), found(1), found(1, undecided=(undecided(1),)))
    ]

    assert colours == [{"red": True, "bold": True}, {"green": True}, {"yellow": True}]
