"""What must be known before anything is paid: that the baseline exists, and which cases are accepted."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pytest_promptevals.errors import UsageError
from pytest_promptevals.history.place import OFF
from pytest_promptevals.pytest_glue.accepting import find_accepted
from pytest_promptevals.pytest_glue.baselines import Baselines
from pytest_promptevals.pytest_glue.running import CaseItem
from pytest_promptevals.pytest_glue.selection import is_eval
from pytest_promptevals.settings import Settings


def check_session(session: pytest.Session, baselines: Baselines, settings: Settings) -> None:
    """Look up the baseline and the accepted cases of a session whose items are known. Raises ``UsageError``.

    A session in which nothing will be run is not checked: what else is wrong with it comes first.
    """
    is_broken = session.testsfailed and not session.config.option.continue_on_collection_errors
    if is_broken or session.config.option.collectonly:
        return
    items = [(item.nodeid, not isinstance(item, CaseItem)) for item in session.items if is_eval(item)]
    if items:
        check_items(items, baselines, settings)


def check_items(items: Sequence[tuple[str, bool]], baselines: Baselines, settings: Settings) -> None:
    """Look up the baseline and the accepted cases of a run of those items, as for ``find_accepted``.

    Raises ``UsageError`` for a baseline or a case that there is not, or for a name that nothing can be saved under.
    """
    if settings.saved_name is not None and settings.history == OFF:
        raise UsageError(
            f"--evals-save-baseline {settings.saved_name}: there is no history to keep the run in, for 'evals_history' "
            "is off"
        )
    baselines.check()
    if settings.accept:
        baselines.accept(find_accepted(settings.accept, items))
