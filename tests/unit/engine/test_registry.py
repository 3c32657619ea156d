"""Judges that are named, and imported when they are looked up."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
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
        (".x:Mine", "required to perform a relative import for '.x'"),
    ],
)
def test_a_class_that_is_not_where_it_is_said_to_be_is_named_with_its_place(place: str, reason: str) -> None:
    judges = JudgeTypes({"mine": place})

    with pytest.raises(UsageError) as caught:
        judges["mine"]

    assert str(caught.value).startswith(f"judge 'mine': there is no '{place}' (write 'module:Class'): ")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("x = 1\ny = (\n", "SyntaxError: '(' was never closed at {path}:2"),
        ("x = 1\n\nzzz\n", "NameError: name 'zzz' is not defined at {path}:3"),
        ("raise RuntimeError('no key')\n", "RuntimeError: no key at {path}:1"),
        ("import nowhere_at_all\n", "ModuleNotFoundError: No module named 'nowhere_at_all' at {path}:1"),
    ],
)
def test_an_error_within_a_judges_module_is_one_sentence_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, cause: str
) -> None:
    path = tmp_path / "broken_judges.py"
    path.write_text(source)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(UsageError) as caught:
        JudgeTypes({"mine": "broken_judges:Mine"})["mine"]

    cause = cause.format(path=path.as_posix())
    assert str(caught.value) == f"judge 'mine': 'broken_judges:Mine' cannot be imported: {cause}"


def make_type(**members: Any) -> type:
    """Return a class that is a judge but for some members; ``...`` stands for one that it has not got."""
    whole = {name: getattr(ExactJudge, name) for name in ("level", "default_threshold", "shorthand", "Parameters")}
    given = {**whole, "name": "mine", "judge": ExactJudge.judge, **members}
    return type("Mine", (), {name: value for name, value in given.items() if value is not ...})


@pytest.mark.parametrize(
    ("members", "lack"),
    [
        ({"level": ...}, "'level' that is 1, 2 or 3"),
        ({"level": 4}, "'level' that is 1, 2 or 3"),
        ({"default_threshold": ...}, "'default_threshold' that is a number from 0 to 1"),
        ({"default_threshold": 80}, "'default_threshold' that is a number from 0 to 1"),
        ({"shorthand": ...}, "'shorthand' that is a text or None"),
        ({"Parameters": ...}, "'Parameters' that is a pydantic model"),
        ({"Parameters": dict}, "'Parameters' that is a pydantic model"),
        ({"judge": ...}, "'judge' that is a method"),
    ],
)
@pytest.mark.parametrize("give", [lambda found: [found], lambda found: {"mine": found}], ids=["list", "mapping"])
def test_a_class_without_what_a_judge_has_is_refused(
    give: Callable[[type], Any], members: dict[str, Any], lack: str
) -> None:
    found = make_type(**members)

    with pytest.raises(UsageError) as caught:
        collect_registry(Hook(give(found)))

    assert str(caught.value) == f"judge 'mine': {found!r} has no {lack}; give it one, or base it on BaseJudge"


def test_a_class_of_nobodys_that_has_all_of_it_is_a_judge() -> None:
    found = make_type()

    assert collect_registry(Hook({"mine": found})).judges["mine"] is found


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ({"mine": None}, "judge 'mine': None is no class; give a class, or its place as 'module:Class'"),
        ({"mine": 3}, "judge 'mine': 3 is no class; give a class, or its place as 'module:Class'"),
        ({1: "a:b"}, "pytest_promptevals_judges returned the name 1: write it as text"),
        ({"mine": ExactJudge}, f"judge 'mine': {ExactJudge!r} calls itself 'exact'; use one name"),
    ],
)
def test_what_a_hook_returns_is_looked_at(returned: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        collect_registry(Hook(returned))

    assert str(caught.value) == message


def test_an_instance_is_no_judge() -> None:
    instance = make_type()()

    with pytest.raises(UsageError, match="^judge 'mine': .* is no class; give a class, or its place"):
        collect_registry(Hook([instance]))


def test_a_place_that_leads_to_no_class_is_refused_when_it_is_looked_up() -> None:
    with pytest.raises(UsageError) as caught:
        JudgeTypes({"mine": "json:dumps"})["mine"]

    assert str(caught.value) == ("judge 'mine': 'json:dumps' is no class; give a class, or its place as 'module:Class'")


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
