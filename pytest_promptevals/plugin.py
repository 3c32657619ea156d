"""The pytest entry point. Thin: what a plain pytest run does not need is imported at its first use."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_promptevals import hookspecs
from pytest_promptevals.pytest_glue import options
from pytest_promptevals.records.partial import MAX_LEVEL

if TYPE_CHECKING:
    from pytest_promptevals.pytest_glue.recorder import Recorder
    from pytest_promptevals.records.cases import Case

MARKER = (
    "evals(file, level, priority, model): put on every eval item and case of a test function; on a test function, "
    'evals("x.eval.jsonl") parametrizes it over the cases of that dataset.'
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and ini keys of the settings table."""
    options.add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser, args: list[str]) -> None:
    """Tell paths from the values of options that may stand alone, before the command line is parsed for good."""
    options.spell_bare_options(early_config, parser, args)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the hooks that others may implement."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, check the settings, and listen to the workers of pytest-xdist where there are any."""
    config.addinivalue_line("markers", MARKER)
    settings = options.settings_of(config)
    expression = config.getoption("markexpr", "") or ""
    if "evals(" in expression:
        from pytest_promptevals.pytest_glue.mark_expressions import check_mark_expression  # noqa: PLC0415 - only for such a one

        check_mark_expression(expression)
    if settings.shard:
        from pytest_promptevals.pytest_glue.selection import shard_of  # noqa: PLC0415 - only where there is a shard

        shard_of(config)
    if settings.plan:
        from pytest_promptevals.pytest_glue.plan_run import PlanRun  # noqa: PLC0415 - only for a plan

        config.pluginmanager.register(PlanRun(config), "promptevals-plan")
    if settings.selftest:
        from pytest_promptevals.pytest_glue.selftest_run import SelftestRun  # noqa: PLC0415 - only for a self-test

        config.pluginmanager.register(SelftestRun(config), "promptevals-selftest")
    elif settings.level < MAX_LEVEL:
        from pytest_promptevals.pytest_glue.levels import LevelNotice  # noqa: PLC0415 - only where judges are left out

        config.pluginmanager.register(LevelNotice(config), "promptevals-level")
    if config.getoption("evals_merge"):
        from pytest_promptevals.pytest_glue.merging import MergedItems  # noqa: PLC0415 - only where runs are merged

        config.pluginmanager.register(MergedItems(), "promptevals-merged")
    if options.is_xdist_controller(config):
        from pytest_promptevals.pytest_glue.xdist import Controller  # noqa: PLC0415 - only where there are workers

        config.pluginmanager.register(Controller(config), "promptevals-xdist")


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Say why gates that are named on the command line are not found, and which formats of reports there are not."""
    try:
        returned = yield
    except pytest.UsageError as error:
        raise options.explain_gates(error, session.config) from None
    if options.settings_of(session.config).report and not options.is_xdist_worker(session.config):
        from pytest_promptevals.pytest_glue.reporting import check_formats  # noqa: PLC0415 - only where one is asked for

        check_formats(session.config)
    return returned


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect eval files."""
    if not options.is_eval_file(file_path, parent.config):
        return None
    from pytest_promptevals.pytest_glue.nodes import collect_eval_file  # noqa: PLC0415 - only where there are eval files

    return collect_eval_file(file_path, parent)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize test functions with the evals marker over their dataset."""
    if metafunc.definition.get_closest_marker("evals") is None:
        return
    from pytest_promptevals.pytest_glue.marked_functions import parametrize  # noqa: PLC0415 - only for marked functions

    parametrize(metafunc)


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    """The case of the dataset that ``@pytest.mark.evals`` names."""
    from pytest_promptevals.pytest_glue.marked_functions import case_of  # noqa: PLC0415 - only for marked functions

    return case_of(request)


@pytest.fixture
def evals(request: pytest.FixtureRequest) -> Recorder:
    """Records outputs and scores of the case, and judges outputs with the dataset's judges."""
    from pytest_promptevals.pytest_glue.marked_functions import recorder_of  # noqa: PLC0415 - only for marked functions

    return recorder_of(request)
