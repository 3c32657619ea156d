"""A self-test of planned cases, without pytest."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.selftest import FileTest, run_selftest
from pytest_promptevals.engine.useless_models import USELESS_MODELS
from pytest_promptevals.settings import Settings
from tests.unit.engine.plans import plan

FREE = Settings(selftest=True)
ALL = Settings(selftest=True, level=2, given=frozenset({"level"}))


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

    assert (found.file, found.cases, found.errors, found.unjudged) == ("a.eval.yaml", 2, 0, 0)
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


def test_a_case_without_a_judge_of_the_level_is_not_tested(tmp_path: Path) -> None:
    text = "model: counting/m\njudges: [odd]\ncases: [{id: a, input: x}]\n"

    found = selftest(tmp_path, text)

    assert (found.cases, found.unjudged, found.passes) == (0, 1, ())


def test_judges_that_ask_have_their_price(tmp_path: Path) -> None:
    text = "model: counting/m\njudges: [{odd: counting/m}]\ncases: [{id: a, input: x}]\n"

    found = selftest(tmp_path, text, ALL)

    assert (found.cases, found.passed_by("empty")) == (1, 1)
    assert found.spent == 0.25 * sum(found.answered.values())


def test_what_a_judge_cannot_judge_does_not_pass(tmp_path: Path) -> None:
    text = "model: counting/m\njudges: [{odd: raise}]\ncases: [{id: a, input: x}]\n"

    found = selftest(tmp_path, text, ALL)

    assert found.errors == sum(found.answered.values())
    assert found.passes == ()


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
