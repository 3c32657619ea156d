"""One table of settings: the fields of ``Settings``.

From it come the command-line options (``--evals-NAME``), the ini keys (``evals_NAME``), the environment variables
(``PROMPTEVALS_NAME``), ``--help`` and the reference in the docs. An option beats the environment, which beats the
ini file, which beats the default. A setting that only a command reads has an ini key alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path, PurePath
from typing import Any, Final, cast

from pytest_promptevals.errors import UsageError, did_you_mean
from pytest_promptevals.records.references import FILE
from pytest_promptevals.setting_kinds import PREFIX, Kind, Setting, Value

_FILE_FIRST: Final = "What the eval file says goes before the ini file, but not before the option."


def _setting(
    kind: Kind,
    default: Value,
    help_text: str,
    *,
    choices: tuple[str, ...] = (),
    minimum: float | None = None,
    maximum: float | None = None,
    is_ini_only: bool = False,
) -> Any:
    metadata = {
        "kind": kind,
        "help": help_text,
        "choices": choices,
        "minimum": minimum,
        "maximum": maximum,
        "is_ini_only": is_ini_only,
    }
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of a session."""

    files: tuple[str, ...] = _setting(
        "list",
        ("*.eval.yaml", "*.eval.yml", "*.eval.jsonl"),
        "Names of the files that are collected as eval files, as glob patterns.",
    )
    default: str = _setting(
        "text",
        "run",
        "What a plain pytest does with eval items: run them, or skip them unless --evals is given.",
        choices=("run", "skip"),
    )
    concurrency: int = _setting("whole number", 64, "Largest number of model calls under way at once.", minimum=1)
    timeout: float = _setting(
        "number",
        120.0,
        "Seconds that one model call may take. What the eval file says goes before the ini file, but not before the "
        "option.",
        minimum=0.001,
    )
    trials: int | None = _setting(
        "whole number", None, "Trials of every case, instead of what the eval files say.", minimum=1, maximum=1000
    )
    model: tuple[str, ...] = _setting(
        "list",
        (),
        "Models to use instead of those of the eval files, as provider/model, separated by spaces.",
    )
    judge_model: str = _setting(
        "text",
        "",
        "Model that judges ask which need one and name none, as provider/model. What the eval file says goes before "
        "the ini file, but not before the option.",
    )
    max_drop: float = _setting(
        "number",
        0.1,
        "Largest drop of an eval file's mean score against its baseline that still passes; a larger one is red where "
        f"it is more than chance. {_FILE_FIRST}",
        minimum=0,
        maximum=1,
    )
    confidence: float = _setting(
        "number",
        0.95,
        "How sure it must be that a drop is none of chance before it makes a run red: with 0.95, at most one run in 20 "
        f"is red where nothing changed. {_FILE_FIRST}",
        minimum=0.5,
        maximum=0.9999,
    )
    on_inconclusive: str = _setting(
        "text",
        "pass",
        "What a drop means that is larger than allowed, but may be chance: pass, with a warning, or fail. "
        f"{_FILE_FIRST}",
        choices=("pass", "fail"),
    )
    min_score: float | None = _setting(
        "number", None, f"Smallest mean score of an eval file that passes. {_FILE_FIRST}", minimum=0, maximum=1
    )
    min_pass_rate: float | None = _setting(
        "number", None, f"Smallest share of passing cases that passes. {_FILE_FIRST}", minimum=0, maximum=1
    )
    max_file_cost: float | None = _setting(
        "number",
        None,
        "Most US dollars that all results of an eval file may cost, cached ones included: max_cost in its gate. "
        f"{_FILE_FIRST}",
        minimum=0,
    )
    max_cost_increase: float | None = _setting(
        "number",
        None,
        "Largest rise of an eval file's cost against its baseline that passes, as a share: 0.2 is a fifth. "
        f"{_FILE_FIRST}",
        minimum=0,
    )
    max_latency_p95: float | None = _setting(
        "number",
        None,
        f"Seconds within which 95 of 100 cases of an eval file must have their response. {_FILE_FIRST}",
        minimum=0.001,
    )
    max_error_rate: float | None = _setting(
        "number",
        None,
        "Largest share of an eval file's cases that may end in an error. Without it, at least half of them need a "
        f"score. {_FILE_FIRST}",
        minimum=0,
        maximum=1,
    )
    missing_cases: str = _setting(
        "text",
        "warn",
        "What it means that cases of the baseline are no longer in the eval file: fail, or only name them. "
        f"{_FILE_FIRST}",
        choices=("warn", "fail"),
    )
    case_policy: str = _setting(
        "text",
        "strict",
        "What a case below its threshold means: strict fails it, ratchet fails it only if the baseline passed it, gate "
        f"leaves it to the gates. {_FILE_FIRST}",
        choices=("strict", "ratchet", "gate"),
    )
    baseline: str = _setting(
        "text",
        FILE,
        "What the run is compared with: the committed baselines (file), latest, merge-base, or a run, the name of a "
        "saved one, a branch or a commit of the history.",
    )
    save_baseline: str = _setting(
        "name",
        "",
        "Write the results as the committed baselines of the eval files that were run; with a NAME, keep the run in "
        "the history under it.",
    )
    changed: str = _setting(
        "name",
        "",
        "Run only cases that changed since the baseline, or since a run, name, branch or commit; the results of the "
        "others are taken from there, and the verdict is over all.",
    )
    accept: tuple[str, ...] = _setting(
        "list",
        (),
        "Cases whose results are taken over into the committed baselines, by case id, item name or node id, separated "
        "by spaces.",
    )
    history: str = _setting(
        "text",
        ".promptevals/history.db",
        "SQLite file of the run history, relative to the rootdir, or the database "
        "postgresql+psycopg://USER@HOST/DATABASE; 'off' keeps none.",
    )
    html: str = _setting(
        "text",
        "",
        "File to write an HTML report of the run to: verdicts, what changed, and every case, in one file.",
    )
    report: tuple[str, ...] = _setting(
        "list",
        (),
        "Reports to write of the run, as FORMAT=FILE, separated by spaces: html, markdown, gitlab, or one that a "
        "plugin gives.",
    )
    notify: tuple[str, ...] = _setting(
        "list",
        (),
        "Who is told of a run that needs somebody, as URLs of apprise, separated by spaces; ${NAME} in one stands for "
        "an environment variable, since a URL mostly is a secret.",
    )
    notify_on: tuple[str, ...] = _setting(
        "list",
        ("regression", "recovery", "budget"),
        "What they are told of: regression (a gate fails), recovery (what failed in the last comparable run of the "
        "branch passes), budget (cases were not run, as it was spent).",
    )
    annotations: str = _setting(
        "text",
        "auto",
        "What a job of a CI service is told, annotations at the lines of cases and a summary: what GitHub Actions or "
        "Azure Pipelines understands where it runs on one (auto), always that of one of them, or nothing (off).",
        choices=("auto", "github", "azure", "off"),
    )
    flaky: str = _setting(
        "text",
        "report",
        "What becomes of a failed case that the history knows to be flaky: say so (report), also let it pass and leave "
        "it to the gates (quarantine), or off.",
        choices=("report", "quarantine", "off"),
    )
    adaptive: bool = _setting(
        "flag",
        default=False,
        help_text="Run further trials of eval files whose drop may be chance, until they can tell, or it is of no use.",
    )
    max_trials: int = _setting(
        "whole number",
        8,
        "Most trials that --evals-adaptive gives a case, those of the first pass included.",
        minimum=2,
        maximum=1000,
    )
    attribute: bool = _setting(
        "flag",
        default=False,
        help_text="Where the prompt and the model both changed and a verdict is red, run the cases that flipped with "
        "each change alone, and say which one explains them.",
    )

    cache: str = _setting(
        "text",
        "use",
        "What becomes of paid responses: use them again, replay them only (never call a model), refresh them (call, "
        "and keep the new ones), or off.",
        choices=("use", "replay", "refresh", "off"),
    )
    cache_file: str = _setting(
        "text", ".promptevals/cache.db", "SQLite file of the response cache, relative to the rootdir."
    )
    recordings: str = _setting(
        "text", "", "Folder of recordings, responses as text files to commit, relative to the rootdir."
    )
    max_cost: float | None = _setting(
        "number",
        None,
        "US dollars that the run may spend, judges included: a call that could exceed it is not made.",
        minimum=0,
    )
    plan: bool = _setting(
        "flag", default=False, help_text="Print what the run would call and what that would cost; run nothing."
    )
    level: int = _setting(
        "whole number",
        3,
        "Highest level of the judges that run: 1 free and offline ones, 2 also those that ask a model, 3 all.",
        minimum=1,
        maximum=3,
    )
    selftest: bool = _setting(
        "flag",
        default=False,
        help_text="Put answers that know nothing to the judges, in the place of a model's, and say which cases pass.",
    )
    order: str = _setting(
        "text",
        "fifo",
        "Order of the cases: as collected, by priority, those that failed last time first, the eval files in turns, or "
        "the cheapest first.",
        choices=("fifo", "priority", "failed-first", "chunked", "cheapest-first"),
    )
    shard: str = _setting(
        "text", "", "Run only the share I of N of the selected cases, as I/N: for CI jobs side by side."
    )
    resume: bool = _setting(
        "flag",
        default=False,
        help_text="Continue the last run that did not finish: cases that it has results of are not run again.",
    )
    progress: str = _setting(
        "text",
        "auto",
        "A line that says how far the evals are: live on a terminal, every 30 s elsewhere (auto), every 30 s, or off.",
        choices=("auto", "plain", "off"),
    )
    retries: int = _setting(
        "whole number",
        5,
        "How often a call is made again after a fault of the server or the connection.",
        minimum=0,
        maximum=100,
    )
    max_wait: float = _setting(
        "number",
        600.0,
        "Seconds that a call may wait in all for a provider that limits or is overloaded.",
        minimum=0,
    )
    check_ignore: tuple[str, ...] = _setting(
        "list",
        (),
        "What promptevals check leaves out: kinds of findings, everywhere or, as PATTERN:KIND, in some files only.",
        is_ini_only=True,
    )

    given: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """The option or the variable by its setting's name: what they gave goes before what an eval file says."""

    def source_of(self, name: str) -> str:
        """Return what to call the place where a setting was given: an option, a variable or an ini key."""
        return self.given.get(name) or f"evals_{name}"

    @property
    def saves_file(self) -> bool:
        """Whether the results become the committed baselines."""
        return self.save_baseline == FILE

    @property
    def saved_name(self) -> str | None:
        """Name under which the run is saved as a baseline, ``None`` if it is not."""
        return None if self.save_baseline in ("", FILE) else self.save_baseline

    @property
    def judged_level(self) -> int:
        """``level``, but for a self-test, which is free unless an option or the environment says otherwise."""
        return 1 if self.selftest and "level" not in self.given else self.level


def _table() -> tuple[Setting, ...]:
    return tuple(
        Setting(field.name, default=cast("Value", field.default), **field.metadata)
        for field in dataclasses.fields(Settings)
        if field.metadata
    )


SETTINGS: Final = _table()
"""The table, one row per setting, in the order of ``--help``."""


def resolve_settings(
    options: Mapping[str, object], environment: Mapping[str, str], ini: Mapping[str, object]
) -> Settings:
    """Return the settings in force.

    ``options`` and ``ini`` map setting names to raw values, ``None`` or absent where the user gave none;
    ``environment`` is the process's. Raises ``UsageError`` for a value that a setting cannot have.
    """
    now: dict[str, Any] = {}
    given: dict[str, str] = {}
    for setting in SETTINGS:
        if setting.is_ini_only:
            continue
        if (value := options.get(setting.name)) is not None:
            given[setting.name] = setting.option
        elif (value := environment.get(setting.variable)) is not None:
            given[setting.name] = setting.variable
        if value is not None:
            now[setting.name] = setting.parse(value, given[setting.name])
    always: dict[str, Any] = {
        setting.name: setting.parse(value, setting.ini)
        for setting in SETTINGS
        if setting.name not in now and (value := ini.get(setting.name)) is not None
    }
    return Settings(**now, **always, given=given)


def check_places(settings: Settings, rootdir: Path) -> None:
    """Raise ``UsageError`` if a file that a setting names is a folder."""
    for setting in SETTINGS:
        place = getattr(settings, setting.name) if setting.is_file else ""
        if not place or "://" in place or not (place.endswith("/") or (rootdir / place).is_dir()):
            continue
        file = PurePath(place) / PurePath(str(setting.default)).name
        source = settings.source_of(setting.name)
        raise UsageError(f"{source}: {place!r} is a folder; write the name of a file, such as '{file}'.")


def explain_unknown_variables(environment: Mapping[str, str], others: Collection[str] = ()) -> list[str]:
    """Return what is wrong with environment variables that look like settings and are none, a sentence each.

    ``others`` are those that mean something else.
    """
    known = {setting.variable for setting in SETTINGS if not setting.is_ini_only}
    ini_only = {setting.variable: setting.ini for setting in SETTINGS if setting.is_ini_only}
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in known.union(others))
    return [
        f"{name} has no effect: {ini_only[name]} can be set in the ini file only"
        if name in ini_only
        else f"{name} has no effect: there is no such setting{_nearest(name, known)}"
        for name in unknown
    ]


def _nearest(variable: str, known: Collection[str]) -> str:
    hint = did_you_mean(variable.removeprefix(PREFIX), [name.removeprefix(PREFIX) for name in known])
    return hint.replace(" Did you mean '", f". Did you mean '{PREFIX}") if "Did you mean" in hint else ""
