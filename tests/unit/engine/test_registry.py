"""Judges that are named, and imported when they are looked up."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pytest_promptevals.engine.registry import JudgeTypes, builtin_registry, collect_registry
from pytest_promptevals.errors import UsageError
from pytest_promptevals.hookspecs import ProviderFactory
from pytest_promptevals.judges.matching import ExactJudge, IExactJudge

PLACE = "pytest_promptevals.judges.matching:ExactJudge"


class Hook:
    """Plugins that give judges."""

    def __init__(self, *returned: Any) -> None:
        self._returned = returned

    def pytest_promptevals_judges(self) -> Sequence[Any]:
        return self._returned

    def pytest_promptevals_providers(self) -> Sequence[Mapping[str, ProviderFactory]]:
        return []


def test_a_plugin_gives_classes_or_places() -> None:
    judges = collect_registry(Hook([IExactJudge], {"exact": PLACE})).judges

    assert list(judges) == ["iexact", "exact"]
    assert judges["iexact"].__name__ == "IExactJudge"
    assert judges["exact"].__name__ == "ExactJudge"


def test_a_name_is_given_once_whether_as_class_or_as_place() -> None:
    with pytest.raises(UsageError, match="two plugins register a judge named 'exact'"):
        collect_registry(Hook([ExactJudge], {"exact": PLACE}))


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("nowhere_at_all:Mine", "No module named 'nowhere_at_all'"),
        ("pytest_promptevals.judges.matching:Mine", "has no attribute 'Mine'"),
        (":Mine", "Empty module name"),
    ],
)
def test_a_class_that_is_not_where_it_is_said_to_be_is_named_with_its_place(place: str, reason: str) -> None:
    judges = JudgeTypes({"mine": place})

    with pytest.raises(UsageError) as caught:
        judges["mine"]

    assert str(caught.value).startswith(f"judge 'mine': there is no '{place}' (write 'module:Class'): ")
    assert reason in str(caught.value)


def test_a_class_with_another_name_than_it_was_given_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        JudgeTypes({"same": PLACE})["same"]

    assert str(caught.value) == f"judge 'same': '{PLACE}' calls itself 'exact'; use one name"


def test_what_is_added_counts_and_imports_nothing() -> None:
    registry = collect_registry(Hook({"exact": "nowhere_at_all:Exact"}))

    both = registry.with_more({"iexact": builtin_registry().judges["iexact"]}, {})

    assert list(both.judges) == ["exact", "iexact"]
    assert "exact" in both.judges
    assert len(both.judges) == 2
    assert list(registry.judges) == ["exact"]


def test_a_builtin_judge_is_imported_when_it_is_looked_up() -> None:
    code = (
        "import sys\n"
        "from pytest_promptevals.engine.registry import builtin_registry\n"
        "judges = builtin_registry().judges\n"
        "assert 'rubric' in judges\n"
        "judges['exact']\n"
        "print([name for name in sys.modules if name.startswith('pytest_promptevals.judges.model')])\n"
        "judges['rubric']\n"
        "print('pytest_promptevals.judges.model.rubric_judge' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split("\n")[:2] == ["[]", "True"]


def test_every_builtin_judge_is_where_it_is_said_to_be() -> None:
    assert all(judge_type.name == name for name, judge_type in builtin_registry().judges.items())
