from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_promptevals.datasets.exporters.registry import choose_exporter, find_exporters
from pytest_promptevals.errors import UsageError
from pytest_promptevals.records.drafts import Export, ExportRequest


class Acme:
    """Writes nothing."""

    description = "of acme"
    endings = (".acme", ".yaml")

    def export(self, request: ExportRequest) -> Export:
        return Export("", len(request.dataset.cases))


def error(*arguments: Any) -> str:
    with pytest.raises(UsageError) as caught:
        choose_exporter(*arguments)
    return str(caught.value)


def test_all_exporters_of_the_package_can_be_loaded() -> None:
    exporters = find_exporters()

    assert list(exporters.entries) == ["promptfoo", "jsonl"]
    assert all(exporters.load(name).endings[0].startswith(".") for name in exporters.entries)


def test_a_plugin_gives_exporters_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = SimpleNamespace(pytest_promptevals_exporters=lambda: [{"acme": f"{__name__}:Acme"}])
    monkeypatch.setattr("pytest_promptevals.datasets.exporters.registry.hooks_of_commands", lambda: hooks)

    assert choose_exporter(find_exporters(), None, Path("a.acme")).description == "of acme"


@pytest.mark.parametrize(
    ("name", "output", "found"),
    [
        ("jsonl", None, "LinesExporter"),
        (None, "promptfooconfig.yaml", "PromptfooExporter"),
        (None, "A.YML", "PromptfooExporter"),
        (None, "a.jsonl", "LinesExporter"),
        ("promptfoo", "a.jsonl", "PromptfooExporter"),
    ],
)
def test_the_format_is_named_or_that_of_the_file(name: str | None, output: str | None, found: str) -> None:
    assert type(choose_exporter(find_exporters(), name, Path(output) if output else None)).__name__ == found


@pytest.mark.parametrize(
    ("name", "output", "message"),
    [
        ("prompfoo", None, "there is no format 'prompfoo'. Did you mean 'promptfoo'?"),
        (None, None, "name a format with --format (promptfoo, jsonl), or a file with --output"),
        (None, "a.txt", "the name 'a.txt' does not say which format is meant; add --format promptfoo or jsonl"),
    ],
)
def test_a_format_that_is_not_known_is_named(name: str | None, output: str | None, message: str) -> None:
    assert error(find_exporters(), name, Path(output) if output else None) == message


def test_a_name_that_two_formats_have_says_which() -> None:
    known = find_exporters()
    both = dataclasses.replace(known, entries={**known.entries, "acme": Acme()})

    assert error(both, None, Path("a.yaml")) == (
        "the name 'a.yaml' does not say which format is meant; add --format promptfoo or acme"
    )


def test_a_class_that_is_no_exporter_is_named() -> None:
    wrong = dataclasses.replace(find_exporters(), entries={"acme": f"{__name__}:SimpleNamespace"})

    assert error(wrong, "acme", None) == "exporter 'acme': namespace() lacks a description, endings or 'export'"
