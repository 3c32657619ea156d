"""``--evals-plan``: what the run would call and what that would cost, in the place of the run."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import pytest

from pytest_promptevals.pytest_glue.options import settings_of
from pytest_promptevals.pytest_glue.writing import width_of, write_lines
from pytest_promptevals.records.facts import CaseFacts
from pytest_promptevals.records.responses import Usage

if TYPE_CHECKING:
    from pytest_promptevals.engine.estimates import History, Plan, PlannedCall
    from pytest_promptevals.engine.planning import PlannedCase
    from pytest_promptevals.pytest_glue.running import CaseItem

_MODEL_LEVEL: Final = 2


class PlanRun:
    """Takes the place of the loop that runs the tests."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._plan: Plan | None = None
        # Workers would each make a plan, and there is nothing for them to do.
        config.option.dist = "no"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Make the plan and run nothing. What is wrong with the collected files is pytest's to say."""
        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            return None
        if session.config.option.collectonly:
            return None
        self._plan = self._make_plan(session)
        return True

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the plan."""
        if self._plan is None:
            return
        from pytest_promptevals.reports.plan import plan_lines  # noqa: PLC0415 - only for a plan

        terminalreporter.write_sep("=", "evals plan")
        write_lines(terminalreporter, plan_lines(self._plan, width_of(terminalreporter)))

    def _make_plan(self, session: pytest.Session) -> Plan:
        from pytest_promptevals.engine.estimates import estimate_plan  # noqa: PLC0415 - only for a plan
        from pytest_promptevals.engine.judge_preview import preview_judges  # noqa: PLC0415 - only for a plan
        from pytest_promptevals.engine.judging import wants_before  # noqa: PLC0415 - only for a plan
        from pytest_promptevals.engine.preview import preview_calls  # noqa: PLC0415 - only for a plan
        from pytest_promptevals.pytest_glue.marks import is_skipped  # noqa: PLC0415 - only for a plan
        from pytest_promptevals.pytest_glue.running import CaseItem  # noqa: PLC0415 - only for a plan
        from pytest_promptevals.pytest_glue.session import session_of  # noqa: PLC0415 - only for a plan

        settings, root = settings_of(self._config), self._config.rootpath
        items = [item for item in session.items if isinstance(item, CaseItem) and not is_skipped(item)]
        settled = session_of(self._config).settled if settings.changed else {}
        items = [item for item in items if (item.planned.plan.dataset.path, item.planned.name) not in settled]
        cases = [item.planned for item in items]
        is_cached = settings.cache in ("use", "replay")
        calls = preview_calls(
            cases,
            root,
            root / settings.cache_file if is_cached else None,
            root / settings.recordings if settings.recordings and is_cached else None,
            is_shared=settings.cache != "off",
        )
        history = self._history(calls)
        functions = _functions(session.items)
        tested = [planned for item, planned in functions if "evals" in getattr(item, "fixturenames", ())]
        before = self._outputs_before(
            [item for item in items if wants_before(item.planned.judges)],
            [(item, planned) for item, planned in functions if wants_before(planned.judges)],
        )
        judge_calls, judges = preview_judges(
            [*cases, *tested], calls, root, history, before=before, is_shared=settings.cache != "off"
        )
        return dataclasses.replace(
            estimate_plan((*calls, *judge_calls), judges, history),
            functions=len(functions),
            judged_functions=sum(any(judge.level >= _MODEL_LEVEL for judge in case.judges) for case in tested),
        )

    def _outputs_before(
        self, items: Sequence[CaseItem], functions: Sequence[tuple[pytest.Item, PlannedCase]]
    ) -> dict[tuple[str, str], str]:
        """Return the baseline's outputs of items and of tests, by file and name."""
        from pytest_promptevals.pytest_glue.baselines import Baselines  # noqa: PLC0415 - only for a plan
        from pytest_promptevals.pytest_glue.marked_functions import id_of, parametrized_of  # noqa: PLC0415 - the same

        baselines = Baselines(self._config.rootpath, settings_of(self._config))
        outputs = {(item.planned.plan.dataset.path, item.planned.name): baselines.output(item) for item in items}
        for item, planned in functions:
            if (parametrized := parametrized_of(item)) is not None:
                output = baselines.output_of(parametrized.source, id_of(item))
                outputs[planned.plan.dataset.path, planned.name] = output
        return {key: output for key, output in outputs.items() if output is not None}

    def _history(self, calls: Sequence[PlannedCall]) -> History:
        settings = settings_of(self._config)
        if settings.history == "off":
            return {}
        from pytest_promptevals.history.facts import read_facts  # noqa: PLC0415 - only for a plan
        from pytest_promptevals.history.place import locate_history  # noqa: PLC0415 - only for a plan

        facts = read_facts(locate_history(self._config.rootpath, settings.history))
        return {
            (call.label, call.case): _usage_of(known) for call in calls if (known := facts.get(call.case)) is not None
        }


def _functions(items: Sequence[pytest.Item]) -> list[tuple[pytest.Item, PlannedCase]]:
    """Return the tests that marked functions make, each with its case under a name that no other has."""
    from pytest_promptevals.pytest_glue.marked_functions import parametrized_of  # noqa: PLC0415 - only for a plan
    from pytest_promptevals.pytest_glue.marks import is_skipped  # noqa: PLC0415 - only for a plan

    found = ((item, parametrized_of(item)) for item in items if not is_skipped(item))
    return [(item, dataclasses.replace(case.planned, name=item.nodeid)) for item, case in found if case is not None]


def _usage_of(facts: CaseFacts) -> Usage:
    """Return the mean tokens of a call, rounded up."""
    counts = (facts.input_tokens, facts.output_tokens)
    return Usage(*(None if count is None else math.ceil(count) for count in counts))
