"""What must be known before anything is paid: that the baseline exists, and which cases are accepted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pytest_promptevals.errors import UsageError
from pytest_promptevals.history.git import find_branch_tip, find_commit
from pytest_promptevals.history.place import OFF
from pytest_promptevals.pytest_glue.accepting import find_accepted
from pytest_promptevals.pytest_glue.baselines import Baselines
from pytest_promptevals.pytest_glue.running import CaseItem
from pytest_promptevals.pytest_glue.selection import is_eval
from pytest_promptevals.settings import Settings


def check_session(
    session: pytest.Session, baselines: Baselines, settings: Settings, left_out: Sequence[str] = ()
) -> None:
    """Look up the baseline and the accepted cases of a session whose items are known. Raises ``UsageError``.

    ``left_out`` has the node ids of the eval items that ``--evals-changed`` does not run: they are selected, too.
    A session in which nothing will be run is not checked: what else is wrong with it comes first.
    """
    is_broken = session.testsfailed and not session.config.option.continue_on_collection_errors
    if is_broken or session.config.option.collectonly:
        return
    items = [(item.nodeid, not isinstance(item, CaseItem)) for item in session.items if is_eval(item)]
    items += [(nodeid, False) for nodeid in left_out]
    if items:
        check_items(items, baselines, settings, session.config.rootpath)


def check_items(
    items: Sequence[tuple[str, bool]] | None, baselines: Baselines, settings: Settings, rootdir: Path
) -> None:
    """Look up the baseline and the accepted cases of a run of those items, as for ``find_accepted``.

    ``None`` stands for items that are not all known yet: accepted cases are looked up later.
    Raises ``UsageError`` for a baseline or a case that there is not, or for a name that nothing can be saved under.
    """
    if settings.saves_file and settings.accept:
        raise UsageError(
            "--evals-accept takes over single cases, and --evals-save-baseline all of them; give one of the two"
        )
    if settings.saved_name is not None:
        _check_name(settings.saved_name, settings, rootdir)
    baselines.check()
    if settings.accept and items is not None:
        baselines.accept(find_accepted(settings.accept, items))


def _check_name(name: str, settings: Settings, rootdir: Path) -> None:
    option = f"--evals-save-baseline {name}"
    if settings.history == OFF:
        raise UsageError(f"{option}: there is no history to keep the run in, for 'evals_history' is off")
    known = "branch" if find_branch_tip(rootdir, name) is not None else "commit"
    if known == "branch" or find_commit(rootdir, name) is not None:
        raise UsageError(
            f"{option}: there is a {known} of that name, which '--evals-baseline {name}' would no longer mean; choose "
            "another name"
        )
