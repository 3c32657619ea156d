"""Judges whose parameters are templates: each case has its own, which is checked, and learns nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.errors import DatasetError, ProviderStatusError
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Response
from tests.unit.engine.plans import CountingProvider, plan, run_all


def problems_of(folder: Path, text: str) -> list[str]:
    with pytest.raises(DatasetError) as caught:
        plan(folder, text)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    "judge",
    [
        "pairwise: {against: '{{ file }}', model: counting/j}",
        "any_of: [pairwise: {against: '{{ file }}', model: counting/j}]",
    ],
)
def test_a_file_that_a_case_names_must_be_there(tmp_path: Path, judge: str) -> None:
    (tmp_path / "here.md").write_text("Dear {{ input }}", encoding="utf-8")
    cases = "[{id: a, input: x, vars: {file: here.md}}, {id: b, input: x, vars: {file: gone.md}}]"

    (problem,) = problems_of(tmp_path, f"model: counting/m\njudges: [{judge}]\ncases: {cases}\n")

    assert problem.startswith("a.eval.yaml:2: judges.pairwise: case 'b' (a.eval.yaml:3): against: ")
    assert "gone.md: there is no such file" in problem


def test_a_model_that_cases_name_must_have_a_provider_which_is_said_for_one_of_them(tmp_path: Path) -> None:
    cases = ", ".join(f"{{id: {name}, input: x, output: y, vars: {{model: countign/j}}}}" for name in "ab")

    judge = "rubric: {criteria: tone, model: '{{ model }}'}"

    (problem,) = problems_of(tmp_path, f"judges: [{judge}]\ncases: [{cases}]\n")

    assert problem == (
        "a.eval.yaml:1: judges.rubric: case 'a' (a.eval.yaml:2): unknown provider 'countign' in judge model "
        "'countign/j'. Did you mean 'counting'?"
    )


def test_what_is_wrong_for_all_cases_is_said_once(tmp_path: Path) -> None:
    cases = "[{id: a, input: x, output: y}, {id: b, input: z, output: y}]"

    (problem,) = problems_of(tmp_path, f"judges: [contains: {{value: '{{{{ input }}}}', vlaue: x}}]\ncases: {cases}\n")

    assert problem.startswith("a.eval.yaml:1: judges.contains: vlaue: unknown parameter. Did you mean 'value'?")


def two_cases(folder: Path) -> tuple[PlannedCase, ...]:
    cases = "[{id: a, input: x, vars: {file: one.md}}, {id: b, input: x, vars: {file: two.md}}]"
    judges = "[any_of: [pairwise: {against: '{{ file }}', model: counting/j}], {contains: x}]"
    return plan(folder, f"model: counting/m\njudges: {judges}\ncases: {cases}\n")


def test_a_file_that_only_a_case_names_is_part_of_what_its_score_means(tmp_path: Path) -> None:
    for name in ("one.md", "two.md"):
        (tmp_path / name).write_text("Dear {{ input }}", encoding="utf-8")
    before = [case.fingerprint for case in two_cases(tmp_path)]
    (tmp_path / "two.md").write_text("Hi {{ input }}", encoding="utf-8")

    after = two_cases(tmp_path)

    assert after[0].fingerprint == before[0]
    assert after[1].fingerprint != before[1]
    assert after[0].judges[1] is after[1].judges[1]


def test_cases_share_the_judges_that_need_no_filling_in(tmp_path: Path) -> None:
    first, second = plan(
        tmp_path,
        "judges: [exact, {contains: '{{ input }}'}]\ncases: ["
        + ", ".join(f"{{id: {name}, input: x, output: x, expected: x}}" for name in "ab")
        + "]\n",
    )
    assert first.judges is second.judges


class Plain(CountingProvider):
    """Takes no JSON Schema and gives no token probabilities."""

    asked: list[str] = []  # noqa: RUF012 - the test empties it

    def __init__(self, context: ProviderContext) -> None:
        super().__init__(context)

    async def complete(self, request: Request) -> Response:
        """Refuse both."""
        refused = [name for name in ("logprobs", "response_format") if name in request.parameters]
        self.asked.append(" ".join(refused))
        if refused:
            raise ProviderStatusError(f"{refused[0]} is not supported", status=400)
        return Response("Score: 4")


@pytest.mark.parametrize(
    "judges",
    [
        "judges: [g_eval: {criteria: 'It names {{ input }}.', model: plain/j, steps: [Look.]}]\ncases: [%s]",
        "cases: [%s]",
    ],
    ids=["filled in", "of each case"],
)
def test_what_a_model_refuses_is_learnt_once_for_all_cases(tmp_path: Path, judges: str) -> None:
    judge = "g_eval: {criteria: It is short., model: plain/j, steps: [Look.]}"
    own = "" if judges.startswith("judges") else f", judges: [{judge}]"
    rows = ", ".join(f"{{id: {name}, input: {name}, output: y{own}}}" for name in "abc")
    planned = plan(tmp_path, judges % rows + "\n", plain=Plain)
    Plain.asked.clear()

    for case in planned:
        (result,) = run_all([case], tmp_path)
        assert result.score == 0.75

    assert Plain.asked == ["logprobs response_format", "response_format", "logprobs", "", "", ""]
