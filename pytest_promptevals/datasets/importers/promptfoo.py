"""Configs of promptfoo, and its files of tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.datasets.importers import promptfoo_fields
from pytest_promptevals.datasets.importers.foreign import NO_EQUIVALENT, Fields, Losses, read_document
from pytest_promptevals.datasets.importers.promptfoo_assertions import Assertions
from pytest_promptevals.datasets.importers.promptfoo_cases import Cases, judge_all, settle_thresholds, share_leading
from pytest_promptevals.datasets.importers.promptfoo_files import Files, is_reference, read_tests
from pytest_promptevals.datasets.importers.promptfoo_frames import Frames, stand_in_prompt
from pytest_promptevals.datasets.importers.promptfoo_models import model_name, read_models, share_parameters
from pytest_promptevals.datasets.importers.promptfoo_prompts import Prompt, Written, read_prompts
from pytest_promptevals.datasets.importers.promptfoo_references import dereference
from pytest_promptevals.datasets.importers.promptfoo_templates import Templates
from pytest_promptevals.datasets.importers.promptfoo_tests import ForeignTest, merge, read_test
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.errors import did_you_mean
from pytest_promptevals.records.drafts import Draft, ImportRequest
from pytest_promptevals.records.json_types import Json

FIELDS: Final = promptfoo_fields.FIELDS
"""Keys, columns and types of assertions, and what becomes of them."""
_KNOWN: Final = (
    *("description", "prompts", "providers", "targets", "env", "tests", "scenarios", "defaultTest", "evaluateOptions"),
    *("commandLineOptions", *promptfoo_fields.LOST_KEYS),
)
"""Keys of a config."""
JUDGE_MODEL: Final = "openai/gpt-5.5-2026-04-23"
"""What promptfoo asks where nothing names a model that judges, and there is a key for it."""
_DEFAULT_PROMPT: Final = "{{prompt}}"
_COMMENTS: Final = {
    "judge_model": "What judges ask that name no model; promptfoo takes this one where OPENAI_API_KEY is set.",
}
_STAND_IN: Final = {"prompt": "The file of tests names no prompt: write yours here."}
_NO_PROVIDER: Final = "none of its providers can be called here: give the eval file a 'model'"
_SAYS_NOTHING: Final = "it has neither variables nor assertions nor an output; left out"
_BOTH: Final = "promptfoo takes 'targets' where both stand there; left out"
_PATH_CONFIG: Final = "only scripts that make tests take it; left out"


class PromptfooImporter:
    """Reads a config with the files that it names, or a file of tests alone."""

    description = "configs of promptfoo with all files that they name, or its tests alone, CSV too"

    def recognizes(self, request: ImportRequest) -> bool:
        """Return whether the file has the keys of a config, or tests with assertions."""
        sample = request.sample[0] if isinstance(request.sample, list) and request.sample else request.sample
        if not isinstance(sample, dict) or request.fields:
            return False
        return _is_config(sample) or _is_test(sample)

    def read(self, request: ImportRequest) -> Draft:
        """Return the tests as cases. Raises ``FileProblem`` or ``DatasetError`` for a file that cannot be read."""
        losses = _DistinctLosses()
        files = Files(request.path.parent, losses)
        if isinstance(request.sample, dict) and _is_config(request.sample):
            source = read_document(request.path, request.shown)[1]
            fields = Fields(dereference(request.sample, source, losses), source, losses)
            return _Reader(files, losses, fields.take_mapping("env")).read_config(fields)
        tests = [read_test(*test, files, losses) for test in read_tests(request.path, request.shown, losses)]
        found = [test for test in tests if test is not None and _says_something(test, losses)]
        return _Reader(files, losses, {}).read_alone(found, Source(request.shown))


class _DistinctLosses(Losses):
    """Notes each loss once: what holds for all tests is read for each of them."""

    def __init__(self) -> None:
        super().__init__()
        self._known: set[tuple[object, ...]] = set()

    def add(self, source: Source, message: str, *path: str | int) -> None:
        key = (source.shown, source.line, source.root, message, path)
        if key not in self._known:
            self._known.add(key)
            super().add(source, message, *path)


def _is_config(sample: Mapping[str, Json]) -> bool:
    has_models = "providers" in sample or "targets" in sample
    if "prompts" in sample and (has_models or "tests" in sample or "scenarios" in sample):
        return True
    tests = sample.get("tests")
    return (has_models and isinstance(tests, list | str)) or ("defaultTest" in sample and "tests" in sample)


def _meant(key: str) -> str:
    """Return which key somebody may have meant, if one is near."""
    hint = did_you_mean(key, _KNOWN)
    return f".{hint}" if "Did you mean" in hint else ""


def _is_test(sample: Mapping[str, Json]) -> bool:
    if any(name.strip().startswith(("__expected", "__metadata:", "__providerOutput")) for name in sample):
        return True
    asserts = sample.get("assert")
    is_asserted = isinstance(asserts, list) and all(isinstance(item, dict) and "type" in item for item in asserts)
    return is_asserted or ("vars" in sample and "providerOutput" in sample)


def _says_something(test: ForeignTest, losses: Losses) -> bool:
    """Return whether a test without a config has anything to ask or to judge: else it is of another tool's file."""
    if test.variables or test.assertions or test.output is not None:
        return True
    losses.add(test.source, _SAYS_NOTHING)
    return False


@dataclass(frozen=True, slots=True)
class _Shared:
    """What a config says for all of its tests."""

    settings: dict[str, Json]
    """Keys of the eval file."""
    prompts: Sequence[Prompt]
    """What is asked."""
    judge_model: str
    """What judges ask that name no model."""
    source: Source
    """Where the config stands."""


class _Reader:
    """Makes an eval file."""

    def __init__(self, files: Files, losses: Losses, environment: Mapping[str, Json]) -> None:
        self._files = files
        self._losses = losses
        self._templates = Templates(environment, losses)

    def read_config(self, fields: Fields) -> Draft:
        """Return a config with its tests."""
        for key, message in promptfoo_fields.LOST_KEYS.items():
            fields.lose(key, message)
        settings = {"description": fields.take_text("description"), **self._read_models(fields)}
        settings["trials"], settings["timeout"] = self._read_run(fields)
        default = self._read_default(fields)
        prompts = read_prompts(fields.take("prompts"), fields.part("prompts"), self._files, self._losses)
        prompts = prompts or [Prompt(_DEFAULT_PROMPT, fields.part("prompts"))]
        own = default.options.get("provider")
        judge_model = model_name(own.get("text", own) if isinstance(own, dict) else own) or JUDGE_MODEL
        tests = self._read_tests(fields, default)
        fields.take("$schema")
        for key in fields.rest_names():
            fields.lose(key, f"{NO_EQUIVALENT}{_meant(key)}")
        return self._draft(tests, _Shared(settings, prompts, judge_model, fields.source), _COMMENTS)

    def _read_models(self, fields: Fields) -> dict[str, Json]:
        name = "targets" if "targets" in fields else "providers"
        source = fields.part(name)
        models = read_models(fields.take_list(name), source, self._files, self._losses)
        fields.lose("providers", _BOTH)
        if not models.names:
            self._losses.add(source, _NO_PROVIDER)
        return {
            "model": models.names[0] if len(models.names) == 1 else [*models.names],
            "parameters": share_parameters(models, self._losses),
            "providers": {**models.servers},
        }

    def read_alone(self, tests: Sequence[ForeignTest], source: Source) -> Draft:
        """Return tests without a config: a prompt stands in that shows their variables."""
        return self._draft(tests, _Shared({}, (), JUDGE_MODEL, source), {**_COMMENTS, **_STAND_IN})

    def _read_run(self, fields: Fields) -> tuple[int | None, float | None]:
        """Return how often each case is asked, and how many seconds a call may take."""
        repeat: int | None = None
        timeout: float | None = None
        for key in ("evaluateOptions", "commandLineOptions"):
            with Fields(fields.take_mapping(key), fields.part(key), self._losses) as options:
                repeat = repeat or options.take_count("repeat")
                limit = options.take_number("timeoutMs") or 0
                timeout = limit / 1000 if limit > 0 else timeout
                options.lose_rest("says how promptfoo runs; left out. See pytest's options that begin with --evals")
        return repeat if repeat is not None and repeat > 1 else None, timeout

    def _read_default(self, fields: Fields) -> ForeignTest:
        written, source = fields.take("defaultTest"), fields.part("defaultTest")
        data = self._files.data(written, source) if is_reference(written) else written
        return (read_test(data, source, self._files, self._losses) if data else None) or ForeignTest(source)

    def _read_tests(self, fields: Fields, default: ForeignTest) -> list[ForeignTest]:
        found = list(self._listed(fields.take("tests"), fields.part("tests")))
        scenarios = fields.take_list("scenarios")
        for index, written in enumerate(scenarios):
            found += self._read_scenario(written, fields.part("scenarios", index))
        if not found and not scenarios:
            found = [ForeignTest(fields.source, description="case-1")]
        return [merge(default, test) for test in found]

    def _listed(self, written: Json, source: Source) -> Iterator[ForeignTest]:
        """Yield tests that stand in a list, or in the files that it names."""
        entries = written if isinstance(written, list) else [] if written is None else [written]
        for index, entry in enumerate(entries):
            place = source.part(index) if isinstance(written, list) else source
            name = self._path_of(entry, place)
            tests = self._files.tests(name, place) if isinstance(name, str) else [(entry, place)]
            for test in tests:
                if (read := read_test(*test, self._files, self._losses)) is not None:
                    yield read

    def _path_of(self, entry: Json, source: Source) -> Json:
        """Return the file that an entry of ``tests`` names; the entry itself if it is a test."""
        if not isinstance(entry, dict) or "path" not in entry:
            return entry
        with Fields(entry, source, self._losses) as fields:
            fields.lose("config", _PATH_CONFIG)
            return fields.take("path")

    def _read_scenario(self, written: Json, source: Source) -> Iterator[ForeignTest]:
        data = self._files.data(written, source) if is_reference(written) else written
        for scenario in data if isinstance(data, list) else [data]:
            if not isinstance(scenario, dict):
                self._losses.add(source, "is no scenario; left out")
                continue
            with Fields(scenario, source, self._losses) as fields:
                fields.lose("description", "cases have no scenario; left out. 'tags' can name what they belong to")
                configs = list(self._listed(fields.take("config"), fields.part("config")))
                written_tests = fields.take("tests")
                tests = list(self._listed(written_tests, fields.part("tests")))
            listed = [ForeignTest(source)] if written_tests is None else tests
            yield from (merge(config, test, is_default=False) for config in configs for test in listed)

    def _draft(self, tests: Sequence[ForeignTest], shared: _Shared, comments: Mapping[str, str]) -> Draft:
        renames = _renames(tests, shared.prompts, self._templates)
        assertions = Assertions(self._losses, self._templates, self._files, shared.judge_model)
        has_texts = not shared.prompts or any(isinstance(prompt.content, str) for prompt in shared.prompts)
        cases = Cases(assertions, self._files, renames, self._templates if has_texts else None, self._losses)
        built = [one for test in tests for one in cases.build(test)]
        threshold = settle_thresholds(built, self._losses) if built else None
        judge_all(built, self._losses)
        frames = Frames(self._templates, built, shared.source, self._losses)
        prompts = frames.prompts(shared.prompts, Written(self._templates, renames)) if shared.prompts else []
        prompt = prompts or stand_in_prompt(built, self._templates)
        rows = [{**one.case, "judges": [judge.written() for judge in one.judges]} for one in built]
        judges = share_leading(rows)
        settings: dict[str, Json] = {
            "description": shared.settings.get("description"),
            "prompt": prompt[0] if len(prompt) == 1 else [*prompt],
            **shared.settings,
            "threshold": threshold,
            "judge_model": shared.judge_model if assertions.graded.needs_model else None,
            "judges": judges,
        }
        assertions.graded.counted.note()
        self._templates.note_unread(shared.source.part("env"))
        kept = {key: value for key, value in settings.items() if value not in (None, "", [], {})}
        places = [one.source.locate() for one in built]
        return Draft(kept, rows, self._losses.listed(), comments=comments, places=places)


def _renames(tests: Sequence[ForeignTest], prompts: Sequence[Prompt], templates: Templates) -> dict[str, str]:
    """Return other names for variables that stand for something else in our templates."""
    names = {name for test in tests for name in test.variables}
    asked = frozenset[str]().union(*(_names_in(prompt.content, templates) for prompt in prompts))
    return {
        **({"context": "context_text"} if "context" in names | asked else {}),
        **({"expected": "expected_text"} if "expected" in asked else {}),
        # A variable of this name stands before the environment.
        **({"env": "env"} if "env" in names else {}),
    }


def _names_in(content: Json, templates: Templates) -> frozenset[str]:
    texts = [message["content"] for message in content] if isinstance(content, list) else [content]  # type: ignore[call-overload, index]
    silent = Templates({}, Losses())
    converted = (silent.convert(str(text), Source("")) for text in texts)
    return frozenset[str]().union(*map(templates.names, converted))
