"""Which eval items run, and in which order: ``--evals-shard`` and ``--evals-order``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Final, TypeAlias

import pytest

from pytest_promptevals.engine.ordering import FROM_HISTORY, Facts, OrderKey, order_cases
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.shards import SelectionFacts, Shard, describe_selection, parse_shard
from pytest_promptevals.errors import UsageError
from pytest_promptevals.pytest_glue.options import is_xdist_worker, settings_of
from pytest_promptevals.pytest_glue.rerunning import is_rerun
from pytest_promptevals.pytest_glue.share import ORDER_FACTS, SELECTION_ATTRIBUTE, worker_facts
from pytest_promptevals.records.facts import CaseFacts
from pytest_promptevals.reports.words import visible_text
from pytest_promptevals.settings import Settings

PlainFacts: TypeAlias = Mapping[str, tuple[bool | None, float | None]]
"""``failed`` and ``cost`` of cases by ``file::name``: what is asked of the history, as JSON can carry it."""
Unneeded: TypeAlias = Callable[[Sequence[pytest.Item]], Sequence[pytest.Item]]
"""Finds those eval items that do not run, since an earlier run speaks for them or has nothing to say of them."""
_SELECTION_KEY: Final = pytest.StashKey[SelectionFacts]()


def shard_of(config: pytest.Config) -> Shard | None:
    """Return the shard that the settings ask for. Raises ``pytest.UsageError`` for a text that names none."""
    try:
        return parse_shard(settings_of(config).shard)
    except UsageError as error:
        raise pytest.UsageError(visible_text(str(error))) from error


def selection_facts(config: pytest.Config) -> SelectionFacts:
    """Return what is known of the selection: in a controller from the first report of an eval item on."""
    return config.stash.get(_SELECTION_KEY, SelectionFacts())


def restore_selection(config: pytest.Config, report: pytest.TestReport) -> None:
    """Take the facts of the selection off a worker's report, if it carries them."""
    text = getattr(report, SELECTION_ATTRIBUTE, None)
    if text is not None:
        config.stash[_SELECTION_KEY] = SelectionFacts(**json.loads(text))
        delattr(report, SELECTION_ATTRIBUTE)


def read_order_facts(config: pytest.Config) -> PlainFacts:
    """Return what the order asks of the history; nothing where it asks nothing.

    All workers of pytest-xdist must come to one order, so their controller reads it once for all.
    """
    settings = settings_of(config)
    if settings.order not in FROM_HISTORY or settings.history == "off":
        return {}
    from pytest_promptevals.history.facts import read_facts  # noqa: PLC0415 - only for an order
    from pytest_promptevals.history.place import locate_history  # noqa: PLC0415 - only for an order

    facts = read_facts(locate_history(config.rootpath, settings.history))
    return {key: (known.failed, known.cost) for key, known in facts.items()}


class Selection:
    """Leaves out the eval items of other shards and puts the rest in order, after all others have selected.

    Args:
        config: pytest's configuration.
        find_unneeded: finds those that need not run.
    """

    def __init__(self, config: pytest.Config, find_unneeded: Unneeded) -> None:
        self._config = config
        self._find_unneeded = find_unneeded
        self._is_sent = not is_xdist_worker(config)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> Generator[None, object, object]:
        """Select and order. Raises ``pytest.UsageError`` for a shard that there is not."""
        shard = shard_of(config)
        returned = yield
        evals = [item for item in items if is_eval(item)]
        facts = describe_selection((item.nodeid for item in evals), shard)
        config.stash[_SELECTION_KEY] = dataclasses.replace(facts, is_rerun=is_rerun(config, items, evals))
        if shard is not None:
            _leave_out(config, items, [item for item in evals if not shard.holds(item.nodeid)])
        own = [item for item in evals if shard is None or shard.holds(item.nodeid)]
        _leave_out(config, items, self._find_unneeded(own))
        if settings_of(config).order != "fifo":
            _put_in_order(items, settings_of(config), self._facts())
        return returned

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Send the facts of the selection home with a worker's first report of an eval item."""
        report = yield
        if not self._is_sent and is_eval(item):
            self._is_sent = True
            setattr(report, SELECTION_ATTRIBUTE, json.dumps(dataclasses.asdict(selection_facts(self._config))))
        return report

    def _facts(self) -> Facts:
        if is_xdist_worker(self._config):
            plain: PlainFacts = worker_facts(self._config).get(ORDER_FACTS, {})
        else:
            plain = read_order_facts(self._config)
        return {key: CaseFacts(failed=failed, cost=cost) for key, (failed, cost) in plain.items()}


def is_eval(item: pytest.Item) -> bool:
    """Return whether it is an eval item, or a test function that is parametrized over a dataset."""
    callspec = getattr(item, "callspec", None)
    return _planned(item) is not None or (callspec is not None and _planned(callspec.params.get("case")) is not None)


def _planned(holder: object) -> PlannedCase | None:
    planned = getattr(holder, "planned", None)
    return planned if isinstance(planned, PlannedCase) else None


def _leave_out(config: pytest.Config, items: list[pytest.Item], others: Sequence[pytest.Item]) -> None:
    if not others:
        return
    left_out = set(map(id, others))
    items[:] = [item for item in items if id(item) not in left_out]
    config.hook.pytest_deselected(items=list(others))


def _put_in_order(items: list[pytest.Item], settings: Settings, facts: Facts) -> None:
    # Test functions stay where their modules' fixtures want them; eval items have none.
    evals = {place: planned for place, item in enumerate(items) if (planned := _planned(item)) is not None}
    places = list(evals)
    order = order_cases([_order_key(planned) for planned in evals.values()], settings.order, facts)
    for place, item in zip(places, [items[places[position]] for position in order], strict=True):
        items[place] = item


def _order_key(planned: PlannedCase) -> OrderKey:
    file = planned.plan.dataset.path
    return OrderKey(f"{file}::{planned.name}", file, planned.target.label, planned.case.priority)
