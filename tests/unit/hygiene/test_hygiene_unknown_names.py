"""Judges and providers that are not built in."""

from __future__ import annotations

import pytest

from pytest_promptevals.hygiene.findings import Finding, Kind
from pytest_promptevals.hygiene.unknown_names import say_once
from pytest_promptevals.records.cases import Location
from pytest_promptevals.settings import Settings
from tests.unit.hygiene.conftest import CheckedFolder

CASES = "cases: [{id: a, input: Hi, expected: x}]\n"
NAMES = (Kind.UNKNOWN_PLUGIN, Kind.MISSPELLING, Kind.LOAD_ERROR)


def find_names(
    folder: CheckedFolder, text: str, name: str = "a.eval.yaml", settings: Settings | None = None
) -> list[str]:
    """Return what is found of names in an eval file."""
    folder.write(name, text + CASES)
    return [str(finding) for finding in folder.find(name, settings) if finding.kind in NAMES]


def test_an_unknown_judge_is_a_warning_that_names_who_knows_it(folder: CheckedFolder) -> None:
    text = (
        "model: scripted/echo\njudges:\n  - polite: {tone: '{{ tone }}', threshold: 0}\n  - any_of: [toxicity]\n"
        "cases: [{id: a, input: Hi, vars: {tone: kind, other: 1}, judges: [polite: soft, kindly]}]\n"
    )
    folder.write("a.eval.yaml", text)

    assert [str(finding) for finding in folder.find() if finding.kind is not Kind.SMALL_DATASET] == [
        (
            "a.eval.yaml:3: unknown-plugin: the judge 'polite' is not built in, and no conftest.py names it: if a "
            "plugin registers it, only pytest can check it."
        ),
        (
            "a.eval.yaml:4: unknown-plugin: the judge 'toxicity' is not built in, and no conftest.py names it: if a "
            "plugin registers it, only pytest can check it. It is written `rubric: safety` here."
        ),
        (
            "a.eval.yaml:5: unknown-plugin: the judge 'kindly' is not built in, and no conftest.py names it: if a "
            "plugin registers it, only pytest can check it."
        ),
    ]


def test_a_judge_of_nearly_a_known_name_is_an_error(folder: CheckedFolder) -> None:
    text = "model: scripted/echo\njudges: [any_of: [semantc, Exact], embeding: {model: a/b}]\n"

    found = find_names(folder, text)

    assert found == [
        (
            "a.eval.yaml:2: misspelling: unknown judge 'Exact'. It is written `exact` here. If a plugin does register "
            "it, say so: --ignore misspelling"
        ),
        (
            "a.eval.yaml:2: misspelling: unknown judge 'embeding'. Did you mean 'embedding'? If a plugin does register "
            "it, say so: --ignore misspelling"
        ),
        (
            "a.eval.yaml:2: misspelling: unknown judge 'semantc'. Did you mean 'semantic'? If a plugin does register "
            "it, say so: --ignore misspelling"
        ),
    ]
    assert Kind.MISSPELLING.severity.value == "error"


@pytest.mark.parametrize(
    ("name", "is_misspelt"),
    [("fuzy", True), ("fuz", False), ("contians", True), ("latenzy", True), ("simantik", True), ("polite", False)],
)
def test_how_near_is_too_near_depends_on_the_length(folder: CheckedFolder, name: str, is_misspelt: bool) -> None:
    (found,) = find_names(folder, f"model: scripted/echo\njudges: [{name}]\n")

    assert ("misspelling" in found) is is_misspelt


def test_unknown_providers_of_models_and_of_judges(folder: CheckedFolder) -> None:
    text = (
        "model: [opnai/x, mine/y, openai/z]\nproviders:\n  mine: {type: acme}\njudges:\n"
        "  - factuality: {panel: [one/x, mine/a], fallback: [two/x]}\n  - classify: {question: Which tone has it?, "
        "choices: [a, x], model: three/x}\n  - semantic: {model: some/file}\n"
    )

    *names, no_folder = find_names(folder, text)

    assert "load-error: judges.semantic: " in no_folder
    assert names == [
        (
            "a.eval.yaml:1: misspelling: unknown provider 'opnai'. Did you mean 'openai'? If a plugin does register "
            "it, say so: --ignore misspelling"
        ),
        *(
            f"a.eval.yaml:{line}: unknown-plugin: the provider {name!r} is not built in, and no conftest.py names it: "
            "if a plugin registers it, only pytest can check it."
            for line, name in ((3, "acme"), (5, "one"), (5, "two"), (6, "three"))
        ),
    ]


def test_the_models_of_settings_may_have_providers_of_the_users_own(folder: CheckedFolder) -> None:
    text = "model: scripted/echo\njudge_model: three/x\njudges: [exact, factuality]\n"
    settings = Settings(model=("one/x",), judge_model="two/x")

    found = find_names(folder, text, settings=settings)

    assert [text.partition("provider ")[2].split()[0] for text in found] == ["'one'", "'three'", "'two'"]
    assert find_names(folder, text.replace(", factuality", ""), settings=Settings()) == []


@pytest.mark.parametrize(
    "conftest",
    [
        "def semantc(output): ...\n",
        "async def semantc(output): ...\n",
        "@judge(name='semantc')\ndef anything(output): ...\n",
        "class Judge:\n    name = 'semantc'\n",
        "def pytest_promptevals_judges():\n    return {'semantc': 'package.judges:Judge'}\n",
        "pytest_plugins = ['own.judges']\n",
        "from own.judges import Judge\n",
        "import own.judges\n",
        "def pytest_promptevals_judges():\n    return {'x': 'own.judges:Judge'}\n",
    ],
)
@pytest.mark.parametrize("place", ["", "evals/"])
def test_nothing_is_said_of_a_name_that_a_conftest_on_the_way_has(
    folder: CheckedFolder, conftest: str, place: str
) -> None:
    folder.write("own/judges.py", "name = 'semantc'\nraise SystemExit('this is not run')\n")
    folder.write(f"{place}conftest.py", conftest)

    assert find_names(folder, "model: scripted/echo\njudges: [semantc]\n", "evals/a.eval.yaml") == []


def test_a_module_beside_the_conftest_is_read_too(folder: CheckedFolder) -> None:
    folder.write("evals/conftest.py", "from .kind import KindJudge\n")
    folder.write("evals/kind.py", "class KindJudge:\n    name = 'kindly'\n")

    assert find_names(folder, "model: scripted/echo\njudges: [kindly]\n", "evals/a.eval.yaml") == []


def test_a_provider_of_a_conftest_is_known(folder: CheckedFolder) -> None:
    folder.write("conftest.py", "def pytest_promptevals_providers():\n    return {'acme': Acme}\n")

    assert find_names(folder, "model: acme/x\njudges: [exact]\n") == []


def test_the_names_of_a_conftest_are_hinted_at(folder: CheckedFolder) -> None:
    folder.write("conftest.py", "@judge\ndef mentions(output): ...\n@provider(name='acme-eu')\ndef ask(request): ...\n")

    found = find_names(folder, "model: acme-eo/x\njudges: [mention: [order], quotes: x]\n")

    of_none = "is not built in, and no conftest.py names it: if a plugin registers it, only pytest can check it."
    assert found == [
        f"a.eval.yaml:1: unknown-plugin: the provider 'acme-eo' {of_none} Did you mean 'acme-eu'?",
        f"a.eval.yaml:2: unknown-plugin: the judge 'mention' {of_none} Did you mean 'mentions'?",
        f"a.eval.yaml:2: unknown-plugin: the judge 'quotes' {of_none}",
    ]


def test_a_text_of_a_conftest_that_is_no_name_is_no_hint(folder: CheckedFolder) -> None:
    folder.write("conftest.py", "'mention s'\n'men.tion'\n")

    (found,) = find_names(folder, "model: scripted/echo\njudges: [mention: [order]]\n")

    assert found.endswith("Did you mean 'meteor'?")


@pytest.mark.parametrize(
    "conftest", ["# semantc\nsemantc = 1\n", "def semantc(:\n", b"\xff", "import re\n'..'\n'a b.c'\n"]
)
def test_what_a_conftest_does_not_name_or_cannot_be_read_is_unknown(
    folder: CheckedFolder, conftest: str | bytes
) -> None:
    folder.write("conftest.py", conftest)

    assert len(find_names(folder, "model: scripted/echo\njudges: [semantc]\n")) == 1


def test_a_conftest_aside_or_above_the_rootdir_does_not_count(folder: CheckedFolder) -> None:
    folder.write("other/conftest.py", "def semantc(output): ...\n")
    (folder.root.parent / "conftest.py").write_text("def semantc(output): ...\n", encoding="utf-8")

    assert len(find_names(folder, "model: scripted/echo\njudges: [semantc]\n", "evals/a.eval.yaml")) == 1


def test_a_conftest_that_changes_is_read_again(folder: CheckedFolder) -> None:
    text = "model: scripted/echo\njudges: [kindly]\n"
    folder.write("conftest.py", "")
    assert len(find_names(folder, text)) == 1

    folder.write("conftest.py", "def kindly(output): ...\n")
    assert find_names(folder, text) == []


def test_an_unknown_name_is_said_once_with_its_other_places() -> None:
    findings = [
        Finding(kind, message, f"{name}.eval.yaml", 2)
        for name in ("a", "b", "c")
        for kind, message in (
            (Kind.UNKNOWN_PLUGIN, "No 'x'."),
            (Kind.UNKNOWN_PLUGIN, f"No {name!r}."),
            (Kind.DUPLICATE, "Two."),
        )
    ]

    said = list(say_once(findings))

    assert said[0] == Finding(
        Kind.UNKNOWN_PLUGIN,
        "No 'x'. It stands in 2 further files, too.",
        "a.eval.yaml",
        2,
        also=(Location("b.eval.yaml", 2), Location("c.eval.yaml", 2)),
    )
    assert said[1:] == [findings[1], findings[2], findings[4], findings[5], findings[7], findings[8]]
