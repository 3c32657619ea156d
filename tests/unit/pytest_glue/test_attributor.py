"""What keeps cases from being run again with one change alone, and what becomes of what was run."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pytest_promptevals.comparison.attribution import Attribution
from pytest_promptevals.history.opening import open_history
from pytest_promptevals.pytest_glue.attribution import Attributor
from pytest_promptevals.records.comparisons import Change, Comparison, Delta, Metrics
from pytest_promptevals.records.responses import Message, RenderedPrompt, Response
from pytest_promptevals.records.runs import RunFile, RunKind, RunStatus
from pytest_promptevals.reports.what_changed import ComparedFile, Explainer
from pytest_promptevals.settings import Settings
from tests.support.sample_results import FILE, make_case, make_result, make_run

FLIP = Delta("refund", Change.WORSE, 1.0, 0.0, passed_before=True, passed_after=False)
RUN = make_run("now")


class Caller:
    """Hands out cases, and refuses or is interrupted when it is to run them."""

    def __init__(self, failure: BaseException, output: Response | None = None) -> None:
        self._failure = failure
        dataset = SimpleNamespace(path=FILE, parameters={})
        plan = SimpleNamespace(dataset=dataset, providers={}, endpoints={})
        case = SimpleNamespace(output=output)
        target = SimpleNamespace(label="openai/new")
        self.planned = SimpleNamespace(case=case, plan=plan, name="refund", target=target)
        self.planned.prompt = SimpleNamespace(name="support")

    def planned_cases(self, _: object, files: Collection[str]) -> dict[tuple[str, str], Any]:
        return {(file, "refund"): self.planned for file in files}

    def run(self, work: Callable[..., Any]) -> Any:
        raise self._failure

    def output_before(self, *_: object) -> None:
        raise AssertionError("not asked")


def attribute(tmp_path: Path, caller: Caller, *deltas: Delta, kind: RunKind = RunKind.RUN, **case: Any) -> Attribution:
    """Attribute an eval file whose baseline's run is in the history."""
    with open_history(tmp_path, "history.db") as store:
        asked = RenderedPrompt((Message("user", "x"),))
        before = make_run("before", status=RunStatus.FINISHED, files=(RunFile(FILE, "d1"),))
        store.add_run(before, [make_result(prompt=asked)], ())
    explainer = Explainer(tmp_path, "history.db")
    comparison = Comparison(FILE, Metrics(1, 0, 0, 0.0, 0.0), has_baseline=True, deltas=deltas)
    compared = ComparedFile(comparison, {"refund": make_case(**case)}, {"refund": make_result()}, RunFile(FILE), {})
    session = cast("pytest.Session", SimpleNamespace())
    attributor = Attributor(explainer, Settings(), session, cast("Any", caller))
    assert attributor.attribute([compared], make_run("now", kind=kind)) == []
    return explainer.attributions[FILE]


def test_ctrl_c_ends_it_and_not_the_session(tmp_path: Path) -> None:
    found = attribute(tmp_path, Caller(KeyboardInterrupt()), FLIP)

    assert found == Attribution(problem="stopped; what was answered by then is in the cache")


def test_a_run_that_asks_no_model_asks_none_for_this_either(tmp_path: Path) -> None:
    found = attribute(tmp_path, Caller(AssertionError("asked")), FLIP, kind=RunKind.REJUDGE)

    assert found == Attribution(problem="this run asks no model, so no case is run again")


def test_without_a_case_that_now_fails_there_is_nothing_to_explain(tmp_path: Path) -> None:
    worse = Delta("refund", Change.WORSE, 1.0, 0.9, passed_before=True, passed_after=True)

    found = attribute(tmp_path, Caller(AssertionError("asked")), worse)

    assert found == Attribution(problem="no case that passed before fails now, so there is nothing to explain")


@pytest.mark.parametrize(
    ("output", "case"), [(Response("kept"), {}), (None, {"fingerprint": ""}), (None, {"fingerprint": "other"})]
)
def test_a_case_whose_question_is_not_known_cannot_be_asked_again(
    tmp_path: Path, output: Response | None, case: dict[str, Any]
) -> None:
    found = attribute(tmp_path, Caller(AssertionError("asked"), output), FLIP, **case)

    assert found.problem.startswith("neither the history nor git knows what was asked for the baseline")
