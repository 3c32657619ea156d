from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_promptevals import registering
from pytest_promptevals.datasets.importers.registry import choose_importer, find_importers
from pytest_promptevals.errors import UsageError
from pytest_promptevals.records.drafts import Draft, ImportRequest


class Acme:
    """Reads files that begin with ``acme``."""

    description = "of acme"

    def recognizes(self, request: ImportRequest) -> bool:
        return request.path.name.startswith("acme")

    def read(self, request: ImportRequest) -> Draft:
        return Draft({}, [{"input": request.shown}])


def request(name: str = "a.jsonl", sample: Any = None, **fields: str) -> ImportRequest:
    return ImportRequest(Path(name), name, sample, fields)


def with_plugin(monkeypatch: pytest.MonkeyPatch, given: object) -> None:
    hooks = SimpleNamespace(pytest_promptevals_importers=lambda: [given])
    monkeypatch.setattr("pytest_promptevals.datasets.importers.registry.hooks_of_commands", lambda: hooks)


def error(*arguments: Any) -> str:
    with pytest.raises(UsageError) as caught:
        choose_importer(*arguments)
    return str(caught.value)


def test_all_importers_of_the_package_can_be_loaded() -> None:
    importers = find_importers()

    assert list(importers.entries)[-1] == "rows"
    assert all(importers.load(name).description for name in importers.entries)


def test_one_of_a_plugin_is_asked_after_those_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    with_plugin(monkeypatch, {"acme": f"{__name__}:Acme"})

    name, importer = choose_importer(find_importers(), request("acme.txt"), None)

    assert (name, type(importer).__name__) == ("acme", "Acme")


def test_a_plugin_cannot_take_a_name_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    with_plugin(monkeypatch, {"rows": Acme()})

    with pytest.raises(UsageError, match=r"^two plugins register an importer named 'rows'; uninstall one of them$"):
        find_importers()


def test_entry_points_name_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "acme-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n", encoding="utf-8")
    (folder / "entry_points.txt").write_text(f"[{registering.ENTRY_POINTS}]\nacme = acme_plugin\n", encoding="utf-8")
    (tmp_path / "acme_plugin.py").write_text(
        "from pytest_promptevals.hookspecs import hookimpl\n\n@hookimpl\ndef pytest_promptevals_importers():\n"
        f"    return {{'acme': '{__name__}:Acme'}}\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    assert find_importers().load("acme").description == "of acme"


def test_a_name_is_taken_at_its_word() -> None:
    importers = dataclasses.replace(find_importers(), entries={"acme": Acme()})

    assert choose_importer(importers, request("other.txt"), "acme")[0] == "acme"


def test_a_file_that_nobody_recognizes_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"a": 1}', encoding="utf-8")
    importers = dataclasses.replace(find_importers(), entries={"acme": Acme(), "rows": Acme()})

    asked = ImportRequest(tmp_path / "other.json", "other.json", {"a": 1})

    assert error(importers, asked, None) == (
        "other.json: its format is not recognized; name it with --format (acme, rows), or say which field is what with "
        "--map input=FIELD; there are: a"
    )


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"input": "\\ud800"}', encoding="utf-8")
    asked = ImportRequest(tmp_path / "a.jsonl", "a.jsonl")

    assert error(find_importers(), asked, None) == (
        "a.jsonl:1: \\ud800 is half of a surrogate pair and no character; remove it"
    )


def test_an_unknown_format_is_named_with_the_nearest() -> None:
    assert error(find_importers(), request(), "promptfo") == (
        "there is no format 'promptfo'. Did you mean 'promptfoo'?"
    )


def test_a_class_that_is_no_importer_is_named() -> None:
    importers = dataclasses.replace(find_importers(), entries={"acme": f"{__name__}:SimpleNamespace"})

    assert error(importers, request(), "acme") == (
        "importer 'acme': namespace() lacks a description, 'recognizes' or 'read'"
    )


def test_fields_of_fixed_names_cannot_be_mapped() -> None:
    importers = dataclasses.replace(find_importers(), entries={"acme": Acme()})

    assert error(importers, request("acme.txt", input="question"), "acme") == (
        "acme.txt: --map input=question: fields of the format acme have fixed names; leave it out"
    )
