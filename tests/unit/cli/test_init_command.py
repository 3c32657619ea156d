"""``promptevals init``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from pytest_promptevals.cli import init as module
from pytest_promptevals.cli.schema import schema_text
from tests.support.checkouts import Checkout
from tests.unit.cli.history_project import call

WRITTEN = [
    "evals/evals.yaml",
    "evals/offline.script.yaml",
    "evals/tickets.eval.yaml",
    "prompts/tickets.md",
    "pytest.ini",
]

_FILES = ("evals.yaml", "tickets.eval.yaml")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    return tmp_path


def files_of(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_an_empty_folder_gets_evals_that_need_no_key(folder: Path) -> None:
    said = call("init")

    assert files_of(folder) == WRITTEN
    assert said.splitlines() == [
        "wrote evals/tickets.eval.yaml",
        "wrote evals/evals.yaml",
        "wrote prompts/tickets.md",
        "wrote evals/offline.script.yaml",
        "wrote pytest.ini",
        "",
        "A stand-in answers, offline. For a real model, change the line 'model:' in evals/evals.yaml.",
        "next: pytest",
        "then: pytest --evals-save-baseline; and after a change of prompts/tickets.md, pytest again",
    ]


def test_a_model_needs_no_stand_in(folder: Path) -> None:
    said = call("init", "shop", "--model", "openai/gpt-5-mini", "--name", "mail")

    assert files_of(folder / "shop") == ["evals/evals.yaml", "evals/mail.eval.yaml", "prompts/mail.md", "pytest.ini"]
    assert yaml.safe_load(Path("shop/evals/evals.yaml").read_text("utf-8")) == {"model": "openai/gpt-5-mini"}
    assert "prompt: ../prompts/mail.md" in Path("shop/evals/mail.eval.yaml").read_text("utf-8")
    assert said.splitlines()[-4:] == [
        "It asks openai/gpt-5-mini: set its key, OPENAI_API_KEY.",
        "next: cd shop",
        "then: pytest",
        "then: pytest --evals-save-baseline; and after a change of prompts/mail.md, pytest again",
    ]


@pytest.mark.parametrize("arguments", [(), ("--model", "anthropic/claude-sonnet-5")], ids=["offline", "model"])
def test_what_is_written_is_valid_and_nothing_is_found_in_it(arguments: tuple[str, ...]) -> None:
    call("init", *arguments)

    defaults, evals = (yaml.safe_load(Path("evals", name).read_text("utf-8")) for name in _FILES)
    jsonschema.validate(defaults | evals, json.loads(schema_text()))
    assert call("check", "--strict").startswith("nothing found; looked at 10 cases")


GITHUB = [".github/workflows/evals.yml", ".github/workflows/evals-forks.yml"]


@pytest.mark.parametrize(
    ("server", "files"), [("github", GITHUB), ("gitlab", [".gitlab-ci.yml"]), ("jenkins", ["Jenkinsfile"])]
)
def test_a_ci_server_gets_its_workflows(server: str, files: list[str]) -> None:
    """Those for pull requests without keys are among them: in a file of their own, or in the same."""
    said = call("init", "--ci", server).splitlines()

    assert said[5 : 5 + len(files)] == [f"wrote {file}" for file in files]
    assert "pytest evals" in Path(files[0]).read_text("utf-8")
    assert any("--evals-cache=replay --evals-recordings=recordings" in Path(file).read_text("utf-8") for file in files)


def default_branches() -> list[str]:
    """Return the branches whose pushes are run, for which builds are kept, of the workflows that are there."""
    workflow = Path(GITHUB[0])
    of_github = yaml.safe_load(workflow.read_text("utf-8"))[True]["push"]["branches"] if workflow.exists() else []
    jenkins = Path("Jenkinsfile")
    return of_github + (re.findall("DEFAULT_BRANCH = '(.*)'\n", jenkins.read_text("utf-8")) if jenkins.exists() else [])


@pytest.mark.parametrize("server", ["github", "jenkins"])
def test_workflows_know_the_default_branch_of_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    checkout = Checkout(tmp_path / "checkout", monkeypatch)
    checkout.git("branch", "-m", "team/trunk")
    monkeypatch.chdir(checkout.path)
    said = call("init", "--ci", server)

    assert default_branches() == ["team/trunk"]
    assert "main" not in re.sub(
        "#.*|//.*", "", "".join(path.read_text("utf-8") for path in checkout.path.rglob("evals*.yml"))
    )
    assert "default branch" not in said


@pytest.mark.parametrize("branch", [None, "1.0", "a'b", "x#y", "plus+"])
@pytest.mark.parametrize("server", ["github", "jenkins", "gitlab"])
def test_a_default_branch_that_is_not_known_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str, branch: str | None
) -> None:
    """Or one that would be something else in the workflow."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    if branch is not None:
        checkout = Checkout(tmp_path / "checkout", monkeypatch)
        checkout.git("branch", "-m", branch)
        monkeypatch.chdir(checkout.path)
    said = call("init", "--ci", server).splitlines()

    file = {"github": GITHUB[0], "jenkins": "Jenkinsfile"}.get(server)
    note = f"{file} takes main for the default branch: correct it there if it is another one"
    assert (note in said) is (file is not None)
    assert default_branches() == (["main"] if file else [])


def test_in_a_folder_that_is_yet_to_be_made_the_default_branch_is_that_of_the_repository_around(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = Checkout(tmp_path / "checkout", monkeypatch)
    checkout.git("branch", "-m", "master")
    monkeypatch.chdir(checkout.path)
    call("init", "deep/shop", "--ci", "github")

    assert "branches: [master] #" in Path("deep/shop", GITHUB[0]).read_text("utf-8")


def test_where_github_has_one_of_its_workflows_init_does_not_guess_it(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text('[remote "origin"]\n\turl = git@github.shop.test:a/b.git\n', "utf-8")
    (folder / GITHUB[1]).parent.mkdir(parents=True)
    (folder / GITHUB[1]).write_text("mine", encoding="utf-8")

    assert "workflows" not in call("init")


def test_the_address_of_the_repository_tells_the_ci_server(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text('[remote "origin"]\n\turl = git@gitlab.shop.test:a/b.git\n', "utf-8")

    assert "wrote .gitlab-ci.yml" in call("init").splitlines()


def test_nothing_is_written_over_what_is_there(folder: Path) -> None:
    (folder / "prompts").mkdir()
    mine = folder / "prompts" / "tickets.md"
    mine.write_text("mine", encoding="utf-8")
    said = call("init", status=1)

    assert said == "Error: there already, so nothing is written: prompts/tickets.md; give --force to write over it\n"
    assert files_of(folder) == ["prompts/tickets.md"]
    assert mine.read_text("utf-8") == "mine"

    call("init", "--force")
    assert files_of(folder) == WRITTEN
    assert mine.read_text("utf-8") != "mine"


def test_a_project_with_evals_gets_a_workflow_alone(folder: Path) -> None:
    call("init")
    changed = folder / "evals" / "evals.yaml"
    changed.write_text("model: openai/gpt-5-mini\n", encoding="utf-8")

    assert call("init", status=1) == (
        "Error: evals holds evals already, so nothing is written. --ci NAME adds a CI workflow to them\n"
    )
    assert call("init", "--ci", "gitlab") == "wrote .gitlab-ci.yml\n"
    assert call("init", "--ci", "gitlab") == "already there: .gitlab-ci.yml\n"
    assert changed.read_text("utf-8") == "model: openai/gpt-5-mini\n"


def test_where_one_file_cannot_be_written_none_is(folder: Path) -> None:
    (folder / "prompts").write_text("a file", encoding="utf-8")
    said = call("init", "--force", status=1)

    assert "cannot be written: " in said
    assert [path.name for path in folder.iterdir()] == ["prompts"]
    assert (folder / "prompts").read_text("utf-8") == "a file"


def test_a_symlink_to_nowhere_is_there_already(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    away = tmp_path_factory.mktemp("away") / "tickets.md"
    (folder / "prompts").mkdir()
    (folder / "prompts" / "tickets.md").symlink_to(away)

    assert "there already, so nothing is written: prompts/tickets.md" in call("init", status=1)
    assert not away.exists()


def test_settings_that_are_there_stay_and_what_they_lack_is_said(folder: Path) -> None:
    settings = "[pytest]\ntestpaths = tests\nevals_default = skip\nevals_files = *.check.yaml\n"
    (folder / "pytest.ini").write_text(settings, encoding="utf-8")
    said = call("init").splitlines()

    assert (folder / "pytest.ini").read_text("utf-8") == settings
    assert said[4:7] == [
        "pytest looks only into its testpaths: add evals to them, or run 'pytest evals'",
        "evals_files names no such file: add tickets.eval.yaml to it",
        "evals_default is skip: run 'pytest --evals'",
    ]
    assert "next: pytest evals --evals" in said
    assert said[said.index("next: pytest evals --evals") + 1].startswith(
        "then: pytest evals --evals --evals-save-baseline;"
    )


def test_a_root_that_pytest_knows_gets_no_ini_file(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[project]\nname = 'shop'\n", encoding="utf-8")
    call("init", "deep")

    assert not (folder / "deep" / "pytest.ini").exists()


@pytest.mark.parametrize(("name", "section"), [("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")])
@pytest.mark.parametrize("inside", [".", "deep"])
def test_settings_in_files_of_other_tools_stay_in_force(folder: Path, name: str, section: str, inside: str) -> None:
    (folder / name).write_text(f"[{section}]\ntestpaths = tests\n", encoding="utf-8")
    said = call("init", inside)

    assert not (folder / inside / "pytest.ini").exists()
    assert "pytest looks only into its testpaths: add" in said


@pytest.mark.parametrize("name", ["tox.ini", "setup.cfg"])
def test_a_file_of_another_tool_alone_is_no_root(folder: Path, name: str) -> None:
    (folder / name).write_text("[flake8]\nmax-line-length = 120\n", encoding="utf-8")

    assert "wrote pytest.ini" in call("init")


@pytest.mark.parametrize("name", ["pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "setup.py"])
def test_an_empty_file_of_pytest_marks_a_root(folder: Path, name: str) -> None:
    (folder / name).touch()

    assert "wrote pytest.ini" not in call("init")


def test_where_the_ci_server_looks_elsewhere_that_is_said(folder: Path) -> None:
    (folder / ".git").mkdir()
    said = call("init", "deep", "--ci", "jenkins")

    assert f"jenkins looks for Jenkinsfile in {folder} alone: move it there, and correct 'pytest evals' in it" in said
    assert (
        f"github looks for .github/workflows/evals.yml and .github/workflows/evals-forks.yml in {folder} alone: move "
        "them there, and correct 'pytest evals' in them"
    ) in call("init", "deep", "--ci", "github")


def test_at_a_terminal_two_things_are_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_has_terminal", lambda: True)
    said = call("init", given="gpt-5\nopenai/gpt-5-mini\ngitlab\n")

    assert "Error: 'gpt-5' is no model; write it as PROVIDER/MODEL, such as openai/gpt-5-mini" in said
    assert files_of(folder)[0] == ".gitlab-ci.yml"
    assert "model: openai/gpt-5-mini" in (folder / "evals" / "evals.yaml").read_text("utf-8")


def test_yes_asks_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_has_terminal", lambda: True)
    call("init", "--yes", given="")

    assert files_of(folder) == WRITTEN


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--model", "opnai/gpt-5"), "'--model': there is no provider 'opnai'. Did you mean 'openai'?"),
        (("--model", "gpt-5"), "'--model': 'gpt-5' is no model; write it as PROVIDER/MODEL, such as openai/gpt-5-mini"),
        (
            ("--model", "scripted/echo"),
            "'--model': 'scripted/echo' is no model that can be asked; for a stand-in, leave it out",
        ),
        (("--name", "../a"), "'--name': '../a' is no name for files; use letters, digits, '-' and '_'"),
    ],
)
def test_what_cannot_be_is_told(folder: Path, arguments: tuple[str, ...], problem: str) -> None:
    assert call("init", *arguments, status=2).endswith(f"Error: Invalid value for {problem}\n")
    assert files_of(folder) == []
