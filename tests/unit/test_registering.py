from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_promptevals.errors import UsageError
from pytest_promptevals.hookspecs import Report
from pytest_promptevals.registering import Extensions, collect_entries
from pytest_promptevals.reports.registry import find_reports

HOOK = "pytest_promptevals_reports"


class Plain:
    """A report."""

    description = "for tests"
    ending = ".plain"

    def render(self, report: object) -> str:
        return str(report)


class Unmade:
    """One that raises."""

    def __init__(self) -> None:
        raise KeyError("setting")


class Lacking:
    """None."""

    description = "for tests"


def collect(*given: object, own: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return collect_entries(hooks(*given), HOOK, "importer", SimpleNamespace(**{HOOK: lambda: own or {}}))


def hooks(*given: object) -> Any:
    answers: Sequence[object] = given
    return SimpleNamespace(**{HOOK: lambda: answers})


def extensions(entry: object) -> Extensions[Report]:
    known: Any = Report  # a protocol, which only a class can be for mypy
    entries: Any = {"plain": entry}  # wrong ones, too
    return Extensions(entries, "report", known, "a description, an ending or 'render'")


def test_the_packages_own_come_before_those_of_plugins() -> None:
    assert list(collect({"z": 1}, {"y": 2}, own={"b": 3, "a": 4})) == ["b", "a", "z", "y"]


def test_a_name_that_is_given_twice_is_an_error() -> None:
    with pytest.raises(UsageError) as caught:
        collect({"z": 1}, own={"z": 2})
    assert str(caught.value) == "two plugins register an importer named 'z'; uninstall one of them"


def test_what_is_no_mapping_is_an_error() -> None:
    with pytest.raises(UsageError) as caught:
        collect(["z"])
    assert str(caught.value) == "pytest_promptevals_reports must return a mapping of names, not ['z']"


def test_an_object_and_a_place_are_both_loaded() -> None:
    plain = Plain()

    assert extensions(plain).load("plain") is plain
    assert type(extensions(f"{__name__}:Plain").load("plain")).__name__ == "Plain"


def test_a_format_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        extensions(Plain()).load("plan")
    assert str(caught.value) == "there is no format 'plan'. Did you mean 'plain'?"


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("no_such_module:Plain", "No module named 'no_such_module'"),
        ("json:Plain", "module 'json' has no attribute 'Plain'"),
        ("json", "module 'json' has no attribute ''"),
    ],
)
def test_a_place_where_nothing_is_is_an_error(place: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        extensions(place).load("plain")
    assert str(caught.value) == f"report 'plain': there is no {place!r} (write 'module:Class'): {reason}"


def test_a_module_that_is_broken_is_told_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_report.py").write_text("class Plain(:\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(UsageError) as caught:
        extensions("broken_report:Plain").load("plain")
    message = str(caught.value)
    assert message.startswith("report 'plain': 'broken_report:Plain' cannot be imported: SyntaxError: ")
    assert message.endswith(" at broken_report.py:1")


def test_a_class_that_cannot_be_made_is_told() -> None:
    with pytest.raises(UsageError) as caught:
        extensions(f"{__name__}:Unmade").load("plain")
    assert str(caught.value) == f"report 'plain': '{__name__}:Unmade' cannot be made: KeyError: 'setting'"


def test_what_lacks_a_part_is_an_error() -> None:
    with pytest.raises(UsageError, match="^report 'plain': .*Lacking.* lacks a description, an ending or 'render'$"):
        extensions(Lacking()).load("plain")


def test_all_reports_of_the_package_can_be_loaded() -> None:
    reports = find_reports()

    assert {"markdown", "html", "github", "gitlab"} <= set(reports.entries)
    for name in reports.entries:
        assert reports.load(name).ending.startswith(".")


def test_a_session_gives_reports_of_its_own() -> None:
    assert list(find_reports(hooks({"acme": Plain()})).entries)[-1] == "acme"
