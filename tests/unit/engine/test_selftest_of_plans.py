"""A self-test of planned cases, without pytest."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.selftest import FileTest, Undecided, run_selftest
from pytest_promptevals.engine.useless_models import USELESS_MODELS
from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.results import Grade
from pytest_promptevals.settings import Settings
from tests.unit.engine.plans import OddJudge, plan

FREE = Settings(selftest=True)
ALL = Settings(selftest=True, level=2, given={"level": "--evals-level"})


def selftest(folder: Path, text: str, settings: Settings = FREE) -> FileTest:
    async def main() -> tuple[FileTest, ...]:
        pipeline = Pipeline(folder, 4)
        try:
            return await run_selftest(plan(folder, text, settings), pipeline)
        finally:
            await pipeline.close()

    (found,) = asyncio.run(main())
    return found


def shares(found: FileTest) -> dict[str, tuple[int, int]]:
    return {model.name: (found.passed_by(model.name), found.answered[model.name]) for model in USELESS_MODELS}


def test_each_answer_is_put_to_the_judges_of_each_case(tmp_path: Path) -> None:
    found = selftest(
        tmp_path,
        """
model: counting/m
cases:
  - {id: a, input: Paris, expected: Paris, judges: [exact]}
  - {id: b, input: Rome, expected: Rome, judges: [{length: {max: 45}}]}
""",
    )

    assert (found.file, found.cases, found.errors, found.undecided) == ("a.eval.yaml", 2, 0, ())
    assert shares(found) == {
        "empty": (1, 2),
        "refusal": (1, 2),
        "echo": (2, 2),
        "shuffled": (1, 2),
        "long": (0, 2),
        "repeat": (1, 2),
    }
    assert [(item.name, str(item.location), item.model, item.judges) for item in found.dead] == [
        ("b", "a.eval.yaml:5", "empty", ("length",)),
        ("b", "a.eval.yaml:5", "refusal", ("length",)),
    ]


@pytest.mark.parametrize("judges", ["[{any_of: [refusal]}]", "[{not: {any_of: [{not: refusal}]}}]"])
def test_a_refusal_is_wanted_by_its_judge_however_deep(tmp_path: Path, judges: str) -> None:
    text = f"model: counting/m\njudges: {judges}\ncases: [{{id: a, input: x}}]\n"

    found = selftest(tmp_path, text)

    assert found.passed_by("refusal") == 1
    assert found.dead == ()


def test_the_threshold_of_the_file_counts(tmp_path: Path) -> None:
    judges = "judges: [{length: {max: 5}}, {contains: {value: zebra, required: false}}]\n"
    text = f"model: counting/m\n{judges}cases: [{{id: a, input: x}}]\n"

    assert selftest(tmp_path, text).passed_by("empty") == 1
    assert selftest(tmp_path, f"threshold: 0.9\n{text}").passed_by("empty") == 0


@pytest.mark.parametrize(
    ("judges", "level", "calls"),
    [
        ("[odd]", 2, 5),
        ("[odd, length: {max: 50}]", 2, 4),
        ("[length: {max: 50}, odd: {weight: 0}]", 2, 4),
        ("[length: {max: 50, weight: 0}, odd]", 2, 4),
        ("[any_of: [odd: 0.1, odd: 0.2]]", 2, 10),
    ],
)
def test_a_case_is_not_decided_by_the_free_judges_that_let_an_answer_pass(
    tmp_path: Path, judges: str, level: int, calls: int
) -> None:
    text = f"model: counting/m\njudges: {judges}\ncases: [{{id: a, input: x}}]\n"

    found = selftest(tmp_path, text)

    label = "any_of" if "any_of" in judges else "odd"
    assert found.undecided == (Undecided("a", Location("a.eval.yaml", 3), (label,), level, calls),)
    assert (found.cases, found.passes, found.answered["empty"]) == (1, (), 0)


def test_a_free_judge_decides_where_it_fails_the_answer(tmp_path: Path) -> None:
    text = "model: counting/m\njudges: [odd, length: {min: 1, max: 5}]\ncases: [{id: a, input: x}]\n"

    found = selftest(tmp_path, text)

    assert shares(found)["empty"] == (0, 1)
    assert shares(found)["refusal"] == (0, 1)
    assert shares(found)["echo"] == (0, 0)
    assert found.undecided == ()


def test_a_judge_that_need_not_pass_decides_nothing(tmp_path: Path) -> None:
    judges = "[odd, contains: {value: zebra, required: false}]"
    text = f"model: counting/m\nthreshold: 0.4\njudges: {judges}\ncases: [{{id: a, input: x}}]\n"

    assert len(selftest(tmp_path, text).undecided) == 1


def test_a_wanted_answer_need_not_be_decided(tmp_path: Path) -> None:
    text = "model: counting/m\njudges: [any_of: [odd, refusal], length: {min: 1}]\ncases: [{id: a, input: x}]\n"

    assert selftest(tmp_path, text).undecided == ()


def test_what_is_dead_by_one_answer_is_decided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def grade(judge: OddJudge, subject: JudgeInput, ask: Ask) -> Grade:
        if not subject.response.text:
            raise LookupError("nothing there")
        return Grade(1.0)

    monkeypatch.setattr(OddJudge, "judge", grade)
    text = "model: counting/m\njudges: [odd]\ncases: [{id: a, input: x}]\n"

    found = selftest(tmp_path, text, ALL)

    assert [item.model for item in found.dead] == ["refusal"]
    assert found.undecided == ()


def test_judges_that_ask_have_their_price_and_are_asked_where_the_free_ones_let_pass(tmp_path: Path) -> None:
    text = "model: counting/m\njudges: [{odd: counting/m}, {length: {max: 0}}]\ncases: [{id: a, input: x}]\n"

    found = selftest(tmp_path, text, ALL)

    assert (found.cases, found.passed_by("empty"), found.undecided) == (1, 1, ())
    assert found.spent == 0.25
    assert [item.judges for item in found.dead] == [("odd", "length")]


def test_a_judge_that_asks_and_gives_no_grade_decides_nothing(tmp_path: Path) -> None:
    text = "model: counting/m\njudges: [{odd: raise}]\ncases: [{id: a, input: x}]\n"

    found = selftest(tmp_path, text, ALL)

    assert (found.errors, found.passes) == (0, ())
    (undecided,) = found.undecided
    assert (undecided.name, undecided.location, undecided.judges) == ("a", Location("a.eval.yaml", 3), ())
    assert undecided.error.startswith("a.eval.yaml:2: judge 'odd' raised LookupError: odd at ")


@pytest.mark.parametrize("judge", ["pairwise: {model: counting/j}", "pairwise: {model: counting/j, against: other.md}"])
@pytest.mark.parametrize("settings", [FREE, ALL], ids=["free", "all"])
def test_a_judge_that_compares_with_another_answer_of_the_model_is_not_asked(
    tmp_path: Path, judge: str, settings: Settings
) -> None:
    (tmp_path / "other.md").write_text("Say {{ input }}", encoding="utf-8")
    text = f"model: counting/m\njudges: [all_of: [{judge}]]\ncases: [{{id: a, input: x}}]\n"

    found = selftest(tmp_path, text, settings)

    comparing = "all_of: compares with another answer of the model, and a self-test asks for none"
    assert found.undecided == (Undecided("a", Location("a.eval.yaml", 3), (), comparing=comparing),)
    assert found.spent == 0


@pytest.mark.parametrize(("gives", "error"), [("raise", "a.eval.yaml:2: judge 'odd' raised LookupError: odd"), (1, "")])
def test_what_kept_another_judge_from_a_score_is_told_beside_one_that_compares(
    tmp_path: Path, gives: object, error: str
) -> None:
    judges = f"[{{pairwise: {{model: counting/j}}}}, {{odd: {gives}}}]"
    text = f"model: counting/m\njudges: {judges}\ncases: [{{id: a, input: x}}]\n"

    (undecided,) = selftest(tmp_path, text, ALL).undecided

    assert undecided.error.partition(" at ")[0] == error
    assert undecided.comparing.startswith("pairwise: compares with another answer of the model")


def test_another_judge_that_fails_the_answer_decides_beside_one_that_compares(tmp_path: Path) -> None:
    text = "model: counting/m\njudges: [{pairwise: {model: counting/j}}, {odd: 0}]\ncases: [{id: a, input: x}]\n"

    found = selftest(tmp_path, text, ALL)

    assert (found.undecided, found.dead) == ((), ())


def test_an_answer_that_a_free_judge_cannot_judge_does_not_pass(tmp_path: Path) -> None:
    (tmp_path / "first_word.py").write_text(
        "def judge(output):\n    return output.split()[0] == 'x'\n", encoding="utf-8"
    )
    text = "model: counting/m\njudges: [{python: first_word:judge}]\ncases: [{id: a, input: x}]\n"

    found = selftest(tmp_path, text)

    assert (found.errors, found.passed_by("echo"), found.undecided, found.dead) == (1, 1, (), ())
    assert shares(found)["empty"] == (0, 1)


def test_a_free_judge_that_judges_no_answer_at_all_decides_nothing(tmp_path: Path) -> None:
    (tmp_path / "breaking.py").write_text("def judge(output):\n    raise LookupError('no list')\n", encoding="utf-8")
    text = "model: counting/m\njudges: [{python: breaking:judge}]\ncases: [{id: a, input: x}]\n"

    (undecided,) = selftest(tmp_path, text).undecided

    assert undecided.error.startswith("a.eval.yaml:2: judge 'python': 'breaking:judge' raised LookupError: no list")


@pytest.mark.parametrize(
    "place", ["tags: [no-selftest]\ncases: [{id: a, input: x}]", "cases: [{id: a, input: x, tags: no-selftest}]"]
)
def test_a_case_with_the_tag_is_exempt(tmp_path: Path, place: str) -> None:
    found = selftest(tmp_path, f"model: counting/m\njudges: [not: {{contains: hunter2}}]\n{place}\n")

    assert (found.cases, found.exempt, found.needless, found.passes) == (0, ("a",), (), ())


@pytest.mark.parametrize(
    ("judges", "needless"),
    [
        ("[contains: zebra, odd: raise]", True),
        ("[refusal]", True),
        ("[odd: 0]", False),
        ("[length: {max: 50}, odd: 0]", False),
        ("[length: {max: 0}]", False),
    ],
)
def test_the_tag_is_needless_where_the_free_judges_let_nothing_pass(
    tmp_path: Path, judges: str, *, needless: bool
) -> None:
    text = f"model: counting/m\ntags: [no-selftest]\njudges: {judges}\ncases: [{{id: a, input: x}}]\n"

    for settings in (FREE, ALL):
        found = selftest(tmp_path, text, settings)
        assert found.needless == (("a",) if needless else ())
        assert (found.exempt, found.undecided, found.spent) == (("a",), (), 0)


@pytest.mark.parametrize(
    ("judges", "only_forbids"),
    [
        ("[not: {contains: x}, not: refusal]", True),
        ("[all_of: [not: {contains: z}]]", True),
        ("[not: {contains: z}, length: {max: 60}]", False),
    ],
)
def test_it_is_told_whether_a_dead_case_only_forbids(tmp_path: Path, judges: str, only_forbids: bool) -> None:
    found = selftest(tmp_path, f"model: counting/m\njudges: {judges}\ncases: [{{id: a, input: x}}]\n")

    assert {item.only_forbids for item in found.dead} == {only_forbids}


@pytest.mark.parametrize(
    ("tag", "misspelt"), [("no_selftest", ("a",)), ("No-SelfTest", ("a",)), ("selftest", ()), ("no-selftest", ())]
)
def test_a_tag_that_is_nearly_that_of_exempt_cases_is_noticed(
    tmp_path: Path, tag: str, misspelt: tuple[str, ...]
) -> None:
    cases = f"[{{id: a, input: x, tags: [{tag}]}}, {{id: b, input: x}}]"
    text = f"model: counting/m\njudges: [{{length: {{min: 1}}}}]\ncases: {cases}\n"

    assert selftest(tmp_path, text).misspelt == misspelt


def test_a_prompt_that_cannot_be_rendered_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "ask_nothing.py").write_text("def ask():\n    raise LookupError\n", encoding="utf-8")
    text = (
        "model: counting/m\nprompt: python:ask_nothing:ask\njudges: [{contains: zebra}]\ncases: [{id: a, input: x}]\n"
    )

    found = selftest(tmp_path, text)

    assert (found.answered["repeat"], found.answered["echo"]) == (0, 1)


def test_several_prompts_are_told_apart_by_their_names(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.md").write_text("{{ input }}", encoding="utf-8")
    head = "model: [counting/m, counting/n]\nprompt: [one.md, two.md]\njudges: [{length: {max: 0}}]\n"
    text = f"{head}cases: [{{id: a, input: x}}]\n"

    assert [item.name for item in selftest(tmp_path, text).dead] == ["a (one)", "a (two)"]
