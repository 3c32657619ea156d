"""The docs say everything, their examples are right, and what they show is what happens."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.config.argparsing import Parser
from pydantic import BaseModel

import pytest_promptevals
from docs.generate import PARTS, hook_names
from docs.sessions import Block, read_blocks, run_page, without_varying
from docs.write import fill_page, find_outdated
from pytest_promptevals.datasets import wire, wire_cases
from pytest_promptevals.datasets.loader import load_dataset
from pytest_promptevals.engine.planning import plan_dataset
from pytest_promptevals.engine.registry import builtin_registry
from pytest_promptevals.errors import DatasetError
from pytest_promptevals.files.yaml import parse_yaml
from pytest_promptevals.judges.build import parameter_names
from pytest_promptevals.providers import anthropic_provider, openai_provider
from pytest_promptevals.pytest_glue.options import add_options
from pytest_promptevals.setting_kinds import Setting
from pytest_promptevals.settings import SETTINGS, Settings
from tests.support import fake_models
from tests.support.workflows import NAMES

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {path.name: path.read_text("utf-8") for path in sorted(DOCS.glob("*.md"))}
BLOCKS = {name: read_blocks(page) for name, page in PAGES.items()}
WITH_SESSIONS = [name for name, blocks in BLOCKS.items() if any(block.language == "console" for block in blocks)]
WRONG_ON_PURPOSE = "wrong/"
NOT_PLANNED = ("extending.md", "python-tests.md")
"""Pages with judges and models of their own, and with datasets of test functions."""


def parametrize_blocks(*languages: str, files: str = "") -> pytest.MarkDecorator:
    """Return one test for each block of a page; those that are files count only if their names end like that."""
    found = [
        pytest.param(name, block, id=f"{name}:{block.line}")
        for name, blocks in BLOCKS.items()
        for block in blocks
        if block.language in languages and (block.caption is None or re.search(files, block.caption))
    ]
    return pytest.mark.parametrize(("page", "block"), found)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
@pytest.mark.parametrize("part", ["option", "ini", "variable"])
def test_every_setting_is_on_its_page(setting: Setting, part: str) -> None:
    is_there = part == "ini" or not setting.is_ini_only
    assert (f"`{getattr(setting, part)}`" in PAGES["settings.md"]) is is_there


def test_every_option_is_on_the_page_of_settings() -> None:
    parser = Parser(_ispytest=True)
    add_options(parser)
    names = [name for option in parser.getgroup("evals").options for name in option.names()]

    assert len(names) > len(SETTINGS)
    assert [name for name in names if f"`{name}`" not in PAGES["settings.md"]] == []


def test_every_judge_has_a_section_with_its_parameters() -> None:
    sections = dict(re.findall(r"^### (\S+)\n(.*?)(?=^### |\Z)", PAGES["judges.md"], re.MULTILINE | re.DOTALL))

    for name, judge in builtin_registry().judges.items():
        missing = [key for key in parameter_names(judge.Parameters) if f"| `{key}` |" not in sections[name]]
        assert missing == [], name


def test_every_provider_and_every_option_of_one_is_on_the_page_of_models() -> None:
    names = {*builtin_registry().providers, *openai_provider.FAMILY.options, *anthropic_provider.FAMILY.options}

    assert [name for name in sorted(names) if f"`{name}`" not in PAGES["models.md"]] == []


@pytest.mark.parametrize("name", hook_names())
def test_every_hook_has_a_section(name: str) -> None:
    assert f"\n### {name}\n" in PAGES["extending.md"]


@pytest.mark.parametrize("name", pytest_promptevals.__all__)
def test_every_public_name_has_a_section(name: str) -> None:
    assert f"\n### {name}\n" in PAGES["extending.md"]


def test_every_key_of_an_eval_file_is_in_a_table() -> None:
    models = {
        name: model
        for module in (wire, wire_cases)
        for name, model in vars(module).items()
        if isinstance(model, type) and issubclass(model, BaseModel) and model.__module__ == module.__name__
    }
    tables = "".join(PAGES[name] for name in ("eval-files.md", "judges.md", "models.md"))

    assert "EvalFileWire" in models
    for name, model in models.items():
        missing = [field for field in model.model_fields if f"\n| `{field}` |" not in tables]
        assert missing == [], name


@pytest.mark.parametrize("part", PARTS)
def test_every_part_that_is_generated_is_on_a_page(part: str) -> None:
    assert f"<!-- generated: {part} -->" in "".join(PAGES.values())


def test_pages_and_workflows_say_what_the_code_says() -> None:
    outdated = [path.relative_to(DOCS).as_posix() for path, _ in find_outdated(DOCS)]

    assert outdated == [], "write them anew with 'python -m docs.write'"


def test_no_workflow_is_copied_that_the_package_does_not_ship() -> None:
    assert {path.name for path in (DOCS / "ci").iterdir()} == {*NAMES, "README.md"}


def test_what_is_out_of_date_is_found(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("<!-- generated: groups -->\n\nold\n\n<!-- end of generated -->\n", "utf-8")

    (tmp_path / "ci").mkdir()
    (tmp_path / "ci" / NAMES[0]).write_text("old", "utf-8")

    found = dict(find_outdated(tmp_path))

    assert found.keys() == {tmp_path / "page.md", *(tmp_path / "ci" / name for name in NAMES)}
    assert found[tmp_path / "page.md"] == fill_page("<!-- generated: groups -->\n")


def test_a_part_takes_the_place_of_the_one_before() -> None:
    parts = {"a": lambda: "| new |", "b": lambda: "other"}
    asked = "Before\n<!-- generated: a -->\nbetween\n<!-- generated: b -->\nafter\n"

    once = fill_page(asked, parts)

    assert once == (
        "Before\n<!-- generated: a -->\n\n| new |\n\n<!-- end of generated -->\n"
        "between\n<!-- generated: b -->\n\nother\n\n<!-- end of generated -->\nafter\n"
    )
    assert fill_page(once.replace("| new |", "| old |\n\nmore"), parts) == once


def test_a_page_that_asks_for_a_part_that_there_is_not_is_an_error() -> None:
    with pytest.raises(KeyError, match="nonsense"):
        fill_page("Before\n<!-- generated: nonsense -->\nafter\n")


@parametrize_blocks("python")
def test_python_in_the_docs_compiles(page: str, block: Block) -> None:
    compile(block.body, f"docs/{page}:{block.line}", "exec")


@pytest.fixture
def local_models(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Have the judges find the local models that the docs name."""
    fake_models.install(monkeypatch, tmp_path_factory.mktemp("models"))


@parametrize_blocks("yaml", "json", files=r"\.eval\.(yaml|jsonl)$")
def test_an_eval_file_in_the_docs_loads(page: str, block: Block, tmp_path: Path, local_models: None) -> None:
    lay_out(BLOCKS[page], tmp_path)
    path = tmp_path / (block.caption or "fragment/a.eval.yaml")
    path.write_text(block.body if block.caption else complete(block.body), encoding="utf-8")

    if (block.caption or "").startswith(WRONG_ON_PURPOSE):
        with pytest.raises(DatasetError):
            load_dataset(path, tmp_path)
        return
    dataset = load_dataset(path, tmp_path)
    if page not in NOT_PLANNED:
        assert plan_dataset(dataset, builtin_registry(), tmp_path, Settings())


def lay_out(blocks: list[Block], folder: Path) -> None:
    """Write the files of a page, and defaults for what is only a part of an eval file."""
    for block in blocks:
        if block.caption is not None:
            path = folder / block.caption
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body, encoding="utf-8")
    (folder / "fragment").mkdir()
    (folder / "fragment/evals.yaml").write_text(
        "model: scripted/echo\nprompt: '{{ input }}'\njudges: [{length: {max: 100000}}]\n"
    )
    (folder / "fragment/checks.py").write_text("def is_brief(output, limit=50): ...\n")


@pytest.fixture(autouse=True)
def no_modules_left() -> Iterator[None]:
    path = list(sys.path)
    yield
    sys.path[:] = path
    sys.modules.pop("checks", None)


def complete(fragment: str) -> str:
    return fragment if "\ncases:" in fragment else f"{fragment}cases: [{{input: Hello!, expected: Hello!}}]\n"


@parametrize_blocks("yaml")
def test_yaml_in_the_docs_is_valid(page: str, block: Block) -> None:
    assert parse_yaml(block.body, f"docs/{page}").value is not None


@pytest.mark.parametrize("page", WITH_SESSIONS)
def test_what_a_page_shows_is_what_happens(page: str, tmp_path: Path) -> None:
    for block, printed in run_page(PAGES[page], tmp_path):
        assert without_varying(printed) == without_varying(block.body), (
            f"docs/{page}:{block.line}: if that is right, write it anew with 'python -m docs.sessions docs/{page}'"
        )


def test_the_tutorial_tells_its_story() -> None:
    sessions = [block.body for block in BLOCKS["tutorial.md"] if block.language == "console"]
    outcomes = re.findall(r"^=+ (.+) in [\d.]+s =+$", "".join(sessions), re.MULTILINE)

    assert outcomes == [
        "2 failed, 1 passed",
        "4 passed",
        "3 passed",
        "3 passed",
        "2 failed, 1 passed, 1 inconclusive",
        "1 failed, 2 deselected, 1 error",
        "6 passed",
        "1 failed, 1 passed",
    ]
    (worse,) = [session for session in sessions if "echo $?" in session]
    assert "2 cases worse than the baseline" in worse
    assert "[score] inconclusive: " in worse
    assert worse.endswith("$ echo $?\n1\n")


def test_a_session_runs_nothing_but_our_own_programs(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'rm -rf .': only pytest and promptevals run in a console block"):
        list(run_page("```console\n$ rm -rf .\n```\n", tmp_path))
