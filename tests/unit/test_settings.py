from __future__ import annotations

from pathlib import Path

import pytest

from pytest_promptevals.errors import UsageError, percent_hint
from pytest_promptevals.settings import (
    SETTINGS,
    Settings,
    check_places,
    explain_unknown_variables,
    resolve_settings,
)


def test_without_anything_given_the_defaults_hold() -> None:
    assert resolve_settings({}, {}, {}) == Settings()


def test_an_option_beats_the_environment_which_beats_the_ini_file() -> None:
    options, environment, ini = {"concurrency": 1}, {"PROMPTEVALS_CONCURRENCY": "2"}, {"concurrency": 3}

    assert resolve_settings(options, environment, ini).concurrency == 1
    assert resolve_settings({}, environment, ini).concurrency == 2
    assert resolve_settings({}, {}, ini).concurrency == 3


def test_what_pytest_does_not_ask_for_is_set_in_the_ini_file_alone() -> None:
    options, environment = {"check_ignore": "a"}, {"PROMPTEVALS_CHECK_IGNORE": "b"}

    assert resolve_settings(options, environment, {}).check_ignore == ()
    assert resolve_settings({}, environment, {"check_ignore": "c"}).check_ignore == ("c",)


def test_every_setting_has_a_sentence_of_help() -> None:
    assert all(setting.help.endswith(".") for setting in SETTINGS)


def test_names_are_derived_from_the_one_name() -> None:
    (setting,) = [setting for setting in SETTINGS if setting.name == "max_drop"]

    assert (setting.option, setting.ini, setting.variable) == (
        "--evals-max-drop",
        "evals_max_drop",
        "PROMPTEVALS_MAX_DROP",
    )


def test_defaults_are_shown_as_a_user_writes_them() -> None:
    shown = {setting.name: setting.shown_default for setting in SETTINGS}

    assert shown["files"] == "*.eval.yaml *.eval.yml *.eval.jsonl"
    assert shown["trials"] == "none"
    assert shown["model"] == "none"
    assert shown["save_baseline"] == "none"
    assert shown["plan"] == "false"
    assert shown["max_drop"] == "0.1"


def test_a_list_is_separated_by_spaces() -> None:
    assert resolve_settings({"model": "openai/a  openai/b"}, {}, {}).model == ("openai/a", "openai/b")
    assert resolve_settings({}, {}, {"model": ["openai/a"]}).model == ("openai/a",)


def test_what_an_option_or_the_environment_gave_is_known() -> None:
    settings = resolve_settings({"timeout": 1}, {"PROMPTEVALS_TRIALS": "2"}, {"concurrency": 3})

    assert settings.given == {"timeout": "--evals-timeout", "trials": "PROMPTEVALS_TRIALS"}
    sources = [settings.source_of(name) for name in ("timeout", "trials", "concurrency")]
    assert sources == ["--evals-timeout", "PROMPTEVALS_TRIALS", "evals_concurrency"]


@pytest.mark.parametrize(("text", "value"), [("yes", True), ("1", True), ("off", False), ("", False)])
def test_a_flag_is_yes_or_no(text: str, value: bool) -> None:
    assert resolve_settings({}, {"PROMPTEVALS_PLAN": text}, {}).plan is value


@pytest.mark.parametrize(
    ("text", "saves_file", "name"),
    [("yes", True, None), ("file", True, None), ("off", False, None), ("", False, None), ("v1", False, "v1")],
)
def test_a_baseline_is_saved_as_a_file_under_a_name_or_not_at_all(
    text: str, saves_file: bool, name: str | None
) -> None:
    settings = resolve_settings({}, {"PROMPTEVALS_SAVE_BASELINE": text}, {})

    assert (settings.saves_file, settings.saved_name) == (saves_file, name)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"PROMPTEVALS_CONCURRENCY": "many"}, "PROMPTEVALS_CONCURRENCY: 'many' is not a whole number."),
        ({"PROMPTEVALS_CONCURRENCY": "0"}, "PROMPTEVALS_CONCURRENCY: 0 is too small; the smallest is 1."),
        ({"PROMPTEVALS_TRIALS": "99999999"}, "PROMPTEVALS_TRIALS: 99999999 is too large; the largest is 1000."),
        (
            {"PROMPTEVALS_MAX_DROP": "5"},
            "PROMPTEVALS_MAX_DROP: 5.0 is too large; the largest is 1; write 0.05 for 5 %.",
        ),
        (
            {"PROMPTEVALS_HISTORY": "postgresql://db/x"},
            (
                "PROMPTEVALS_HISTORY: 'postgresql://…' names no file; write the name of an SQLite file, "
                "postgresql+psycopg://USER@HOST/DATABASE, or off."
            ),
        ),
        (
            {"PROMPTEVALS_HISTORY": " "},
            (
                "PROMPTEVALS_HISTORY: '' names no file; write the name of an SQLite file, "
                "postgresql+psycopg://USER@HOST/DATABASE, or off."
            ),
        ),
        ({"PROMPTEVALS_MAX_DROP": "5%"}, "PROMPTEVALS_MAX_DROP: '5%' is not a number; write 0.05 for 5 %."),
        ({"PROMPTEVALS_MAX_DROP": "a%"}, "PROMPTEVALS_MAX_DROP: 'a%' is not a number."),
        (
            {"PROMPTEVALS_MAX_COST_INCREASE": "20 %"},
            "PROMPTEVALS_MAX_COST_INCREASE: '20 %' is not a number; write 0.2 for 20 %.",
        ),
        (
            {"PROMPTEVALS_CONFIDENCE": "99"},
            "PROMPTEVALS_CONFIDENCE: 99.0 is too large; the largest is 0.9999; write 0.99 for 99 %.",
        ),
        ({"PROMPTEVALS_CONFIDENCE": "500"}, "PROMPTEVALS_CONFIDENCE: 500.0 is too large; the largest is 0.9999."),
        ({"PROMPTEVALS_MAX_COST": "5%"}, "PROMPTEVALS_MAX_COST: '5%' is not a number."),
        ({"PROMPTEVALS_TIMEOUT": "soon"}, "PROMPTEVALS_TIMEOUT: 'soon' is not a number."),
        ({"PROMPTEVALS_TIMEOUT": "nan"}, "PROMPTEVALS_TIMEOUT: 'nan' is not a finite number."),
        ({"PROMPTEVALS_PLAN": "maybe"}, "PROMPTEVALS_PLAN: 'maybe' is not a yes or no."),
        (
            {"PROMPTEVALS_SAVE_BASELINE": "latest"},
            (
                "PROMPTEVALS_SAVE_BASELINE: 'latest' cannot be a name: as a baseline it has a meaning of its own; "
                "choose another."
            ),
        ),
        (
            {"PROMPTEVALS_BASELINE": "rnu:2026"},
            "PROMPTEVALS_BASELINE: 'rnu:2026' begins with the unknown prefix 'rnu'. Did you mean 'run'?",
        ),
        (
            {"PROMPTEVALS_DEFAULT": "skipp"},
            "PROMPTEVALS_DEFAULT: 'skipp' is none of: run, skip. Did you mean 'skip'?",
        ),
        ({"PROMPTEVALS_DEFAULT": "x"}, "PROMPTEVALS_DEFAULT: 'x' is none of: run, skip."),
    ],
)
def test_a_bad_value_is_named_with_its_source(environment: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_settings({}, environment, {})

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("ini", "message"),
    [({"history": 1}, "evals_history: 1 is not a text."), ({"files": 1}, "evals_files: 1 is not a list.")],
)
def test_a_value_of_another_type_is_named(ini: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_settings({}, {}, ini)

    assert str(caught.value) == message


def test_variables_that_are_no_settings_are_explained() -> None:
    environment = {
        "PATH": "x",
        "PROMPTEVALS_MAX_DROP": "0.1",
        "PROMPTEVALS_MAX_DRPO": "0.1",
        "PROMPTEVALS_ZZZ": "1",
        "PROMPTEVALS_CHECK_IGNORE": "1",
        "PROMPTEVALS_SESSION": "1",
    }

    assert explain_unknown_variables(environment, ["PROMPTEVALS_SESSION"]) == [
        "PROMPTEVALS_CHECK_IGNORE has no effect: evals_check_ignore can be set in the ini file only",
        "PROMPTEVALS_MAX_DRPO has no effect: there is no such setting. Did you mean 'PROMPTEVALS_MAX_DROP'?",
        "PROMPTEVALS_ZZZ has no effect: there is no such setting",
    ]


def test_places_that_are_no_folders_are_taken(tmp_path: Path) -> None:
    (tmp_path / "there.db").touch()

    for place in ("there.db", "new/other.db", "off", "postgresql+psycopg://db/x/"):
        check_places(Settings(history=place), tmp_path)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("20%", "; write 0.2 for 20 %"),
        (" 12.5 %", "; write 0.125 for 12.5 %"),
        (99, "; write 0.99 for 99 %"),
        ("80.0", "; write 0.8 for 80 %"),
        ("0%", "; write 0 for 0 %"),
        ("1.1", ""),
        (3, ""),
        (True, ""),
        ("-5%", ""),
        (500, ""),
        ("inf", ""),
        ("nan%", ""),
        ("abc", ""),
    ],
)
def test_what_looks_like_a_percentage_is_told_as_a_share(value: object, hint: str) -> None:
    assert percent_hint(value) == hint
