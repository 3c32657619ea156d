"""Judge specs to judges, checked before anything is paid: groups, templates in parameters, models and files."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_promptevals.errors import FileProblem, JudgeError, PromptError, did_you_mean
from pytest_promptevals.files.paths import search_folders
from pytest_promptevals.function_sources import source_hash
from pytest_promptevals.hookspecs import Judge
from pytest_promptevals.judges.build import JudgeParameterError, build_judge
from pytest_promptevals.judges.other_names import explain_unknown_judge
from pytest_promptevals.prompts.sources import PromptTemplate, is_file_name, load_prompt
from pytest_promptevals.prompts.templates import TemplateEnvironment, has_template_marks, template_variables
from pytest_promptevals.records.cases import Case, JudgeSpec, Location, PromptSource
from pytest_promptevals.records.json_types import Json

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

GROUPS: Final[Mapping[str, str]] = {
    "all_of": "Passes when all of its judges pass; its score is the lowest of theirs.",
    "any_of": "Passes when one of its judges passes; its score is the highest of theirs.",
}
"""Names that hold other judges, and what they do."""
_MODEL_LEVEL: Final = 2
_MODEL: Final = "model"
_OWN_MODULES: Final = "pytest_promptevals."
_CONTENT: Final = "(content)"
"""Stands among a spec's parameters for what its judge read from files."""
_ONE_VARIABLE: Final = re.compile(r"^\s*\{\{\s*(\w+)\s*\}\}\s*$")


@dataclass(frozen=True, slots=True)
class PlannedJudge:
    """A judge spec that is known to be right."""

    spec: JudgeSpec
    """As the user wrote it."""
    judge_type: type[Judge] | None
    """``None`` for a group."""
    judge: Judge | None
    """Built once; ``None`` for a group, and where parameters are templates that each case fills in."""
    variables: frozenset[str] | None
    """Names that its parameters use; ``None`` if unknown."""
    children: tuple[PlannedJudge, ...] = ()
    """Of a group."""
    search_path: tuple[Path, ...] = ()
    """Folders in which functions and files that it names are looked up."""

    @property
    def level(self) -> int:
        """1 = free and offline, 2 = calls a model, 3 = a person."""
        if self.judge_type is not None:
            return self.judge_type.level
        return max(child.level for child in self.children)


@dataclass(frozen=True, slots=True)
class JudgeModels:
    """The models that judges may ask."""

    default: str = ""
    """The one for judges that name none, as ``provider/model``; empty if there is none."""
    is_needed: bool = True
    """Whether judges that ask a model run at all."""
    providers: Collection[str] | None = None
    """Names of the providers; ``None`` if any name will do."""
    setting: str = ""
    """What a message calls the setting that names the default; empty if an eval file does."""


class JudgePlanner:
    """Turns specs into planned judges."""

    def __init__(
        self,
        judge_types: Mapping[str, type[Judge]],
        environment: TemplateEnvironment,
        rootdir: Path,
        models: JudgeModels | None = None,
    ) -> None:
        self._judge_types = judge_types
        self._rootdir = rootdir
        self._environment = environment
        self._models = models or JudgeModels()
        self._prompts: dict[tuple[str, Location], PromptTemplate] = {}
        # What judges learn of models in a run. Many are built for a single case, and would learn it each anew.
        self._memories: dict[str, dict[str, set[str]]] = {}
        self._told: set[str] = set()

    def load_prompt(self, prompt: str, location: Location) -> PromptTemplate:
        """Return the template in a file that a judge names, as a ``prompt`` entry at its place would.

        Raises ``FileProblem``. A text is none: what templates in a judge's parameters made of it is no template again.
        """
        if not is_file_name(prompt):
            raise FileProblem(
                f"{prompt!r} is not the name of a prompt file; write the prompt into a file that ends in .md or .txt",
                path=location.path,
                line=location.line,
            )
        if (prompt, location) not in self._prompts:
            self._prompts[prompt, location] = load_prompt(
                PromptSource(prompt, location), self._environment, self._rootdir
            )
        return self._prompts[prompt, location]

    def plan(self, spec: JudgeSpec) -> PlannedJudge:
        """Look up the judge and validate its parameters. Raises ``FileProblem`` at the spec's place."""
        if spec.judge in GROUPS:
            children = tuple(self.plan(child) for child in spec.children)
            spec = replace(spec, children=tuple(child.spec for child in children))
            return PlannedJudge(spec, None, None, _union([child.variables for child in children]), children)
        judge_type = self._judge_types.get(spec.judge)
        if judge_type is None:
            raise _problem(spec, explain_unknown_judge(spec.judge, [*self._judge_types, *GROUPS]))
        spec = self._with_model(spec, judge_type)
        folders = search_folders(spec.location.path, self._rootdir)
        texts = _template_texts([spec.argument, dict(spec.parameters)])
        if texts:
            return PlannedJudge(spec, judge_type, None, self._variables(spec, texts), search_path=folders)
        judge = self._build(spec, judge_type, spec.argument, spec.parameters)
        _check_files(spec, judge, folders)
        self._check_models(spec, judge)
        return PlannedJudge(_with_content(spec, judge), judge_type, judge, _variables_of(judge), search_path=folders)

    def check(self, planned: PlannedJudge, case: Case) -> PlannedJudge:
        """Return the judge as the case has it: with the content of files that only the case's variables name.

        Raises ``FileProblem`` if it cannot be built for the case, or could grade no response to it.
        """
        if planned.judge_type is None:
            return self._check_group(planned, case)
        judge = self.judge_for(planned, case)
        if planned.judge is None:
            planned = self._check_filled_in(planned, judge, case)
        check_case = getattr(judge, "check_case", None)
        try:
            if check_case is not None:
                check_case(case)
        except JudgeError as error:
            # Said now, the call need not be paid to hear it.
            raise FileProblem(
                str(error).removeprefix(f"{case.location}: "), path=case.location.path, line=case.location.line
            ) from error
        return planned

    def _check_group(self, planned: PlannedJudge, case: Case) -> PlannedJudge:
        children = tuple(self.check(child, case) for child in planned.children)
        if all(child is before for child, before in zip(children, planned.children, strict=True)):
            return planned
        spec = replace(planned.spec, children=tuple(child.spec for child in children))
        return replace(planned, spec=spec, children=children)

    def _check_filled_in(self, planned: PlannedJudge, judge: Judge, case: Case) -> PlannedJudge:
        """Check what could not be checked before the case filled in the parameters."""
        try:
            _check_files(planned.spec, judge, planned.search_path)
            self._check_models(planned.spec, judge)
        except FileProblem as problem:
            if str(problem) in self._told:
                return planned  # for another case: what is wrong for all of them is said for one
            self._told.add(str(problem))
            raise _problem(planned.spec, f"case {case.id!r} ({case.location}): {problem.message}") from problem
        spec = _with_content(planned.spec, judge)
        return planned if spec is planned.spec else replace(planned, spec=spec)

    def judge_for(self, planned: PlannedJudge, case: Case) -> Judge:
        """Return the judge with the case's variables filled in. Raises ``FileProblem``."""
        if planned.judge is not None:
            return planned.judge
        spec = planned.spec
        assert planned.judge_type is not None, "a group has no judge of its own"  # noqa: S101 - states what callers know
        variables = judge_variables(case)
        try:
            argument = self._fill(spec.argument, variables, spec)
            given = {key: value for key, value in spec.parameters.items() if key != _CONTENT}
            parameters = {key: self._fill(value, variables, spec) for key, value in given.items()}
        except PromptError as error:
            raise _problem(spec, f"case {case.id!r} ({case.location}): {error}") from error
        return self._build(spec, planned.judge_type, argument, parameters)

    def _build(self, spec: JudgeSpec, judge_type: type[Judge], argument: Json, parameters: Mapping[str, Json]) -> Judge:
        judge = _build(spec, judge_type, argument, parameters)
        use_memory = getattr(judge, "use_memory", None)
        if use_memory is not None:
            use_memory(self._memories.setdefault(judge_type.name, {}))
        return judge

    def _with_model(self, spec: JudgeSpec, judge_type: type[Judge]) -> JudgeSpec:
        """Return the spec of a judge that asks a model with that of the setting, where it names none of its own."""
        field = _open_model(judge_type)
        if field is None or {_MODEL, "models", "panel"} & spec.parameters.keys():
            return spec
        if self._models.default:
            self._check_default()
        elif self._models.is_needed:
            raise _problem(
                spec,
                "no model to judge with: write 'model: provider/model' among its parameters, or for all judges "
                "'judge_model: provider/model' into the eval file or an evals.yaml above it, or set evals_judge_model "
                "(--evals-judge-model, PROMPTEVALS_JUDGE_MODEL)",
            )
        elif not field.is_required():
            return spec
        return replace(spec, parameters={**spec.parameters, _MODEL: self._models.default})

    def _check_models(self, spec: JudgeSpec, judge: Judge) -> None:
        known = self._models.providers
        if known is None or not self._models.is_needed:
            return
        for model in _models_of(spec, judge):
            provider = model.partition("/")[0]
            if provider not in known:
                text = f"unknown provider {provider!r} in judge model {model!r}.{did_you_mean(provider, known)}"
                if self._models.setting and model == self._models.default:
                    raise FileProblem(text, path=self._models.setting)
                raise _problem(spec, text)

    def _check_default(self) -> None:
        """Blame the setting for a name that is none; that in an eval file was checked when it was loaded."""
        provider, _, model = self._models.default.partition("/")
        if self._models.setting and not (provider.strip() and model.strip()):
            raise FileProblem(
                "must be the name of a model as provider/model, such as openai/gpt-5-mini, not "
                f"{self._models.default!r}",
                path=self._models.setting,
            )

    def _variables(self, spec: JudgeSpec, texts: Sequence[str]) -> frozenset[str] | None:
        location = spec.location
        return _union([self._environment.compile(text, location.path, location.line).variables for text in texts])

    def _fill(self, value: Json, variables: dict[str, Any], spec: JudgeSpec) -> Json:
        if isinstance(value, list):
            return [self._fill(item, variables, spec) for item in value]
        if isinstance(value, dict):
            return {key: self._fill(item, variables, spec) for key, item in value.items()}
        if not isinstance(value, str) or not has_template_marks(value):
            return value
        # A string that is just one variable hands on a list or mapping as it is: text would be of no use.
        alone = _ONE_VARIABLE.match(value)
        if alone and isinstance(variables.get(alone.group(1)), list | dict):
            whole: Json = variables[alone.group(1)]
            return whole
        return self._environment.compile(value, spec.location.path, spec.location.line).render(variables)


def _open_model(judge_type: type[Judge]) -> FieldInfo | None:
    """Return the parameter with the model that a judge asks; ``None`` if there is none, or one with a default."""
    # The setting names a model that answers; one that makes vectors is another.
    if judge_type.level != _MODEL_LEVEL or getattr(judge_type, "embeds", False):
        return None
    fields = judge_type.Parameters.model_fields
    named = (field for name, field in fields.items() if (field.alias or name) == _MODEL)
    return next((field for field in named if field.is_required() or not field.default), None)


def _models_of(spec: JudgeSpec, judge: Judge) -> tuple[str, ...]:
    """Return the models that a judge may ask, as far as they are known; a user's own judge need not tell."""
    told = (*getattr(judge, "models", ()), *getattr(judge, "fallback_models", ()))
    given = spec.parameters.get(_MODEL)
    is_known = isinstance(given, str) and "/" in given and not has_template_marks(given)
    return told if told or judge.level != _MODEL_LEVEL or not is_known else (str(given),)


def find_judge_problems(
    specs: Iterable[JudgeSpec], judge_types: Mapping[str, type[Judge]], rootdir: Path
) -> list[FileProblem]:
    """Return what is wrong with specs whose cases cannot be planned, since something else is wrong with their file."""
    planner = JudgePlanner(judge_types, TemplateEnvironment(rootdir), rootdir, JudgeModels(is_needed=False))
    problems: list[FileProblem] = []
    for spec in specs:
        try:
            planner.plan(spec)
        except FileProblem as problem:
            problems.append(problem)
    return problems


def flatten(judges: Sequence[PlannedJudge]) -> Iterator[PlannedJudge]:
    """Yield judges, groups and what is in them."""
    for judge in judges:
        yield judge
        yield from flatten(judge.children)


def wants_before(judges: Sequence[PlannedJudge]) -> bool:
    """Return whether one of them looks at the baseline's output."""
    # A judge whose parameters are not known yet may say so for its type.
    known = (judge.judge_type if judge.judge is None else judge.judge for judge in flatten(judges))
    return any(bool(getattr(judge, "wants_before", False)) for judge in known)


def judge_variables(case: Case) -> dict[str, Any]:
    """Return what templates in a judge's parameters may name: the prompt's variables and ``expected``."""
    variables = template_variables(case)
    if case.expected is not None:
        variables.setdefault("expected", case.expected)
    return variables


def _build(spec: JudgeSpec, judge_type: type[Judge], argument: Json, parameters: Mapping[str, Json]) -> Judge:
    try:
        return build_judge(judge_type, argument, parameters)
    except JudgeParameterError as error:
        text = "; ".join(f"{field}: {message}" if field else message for field, message in error.problems)
        raise _problem(spec, text) from error


def _check_files(spec: JudgeSpec, judge: Judge, folders: Sequence[Path]) -> None:
    check_files = getattr(judge, "check_files", None)
    if check_files is None:
        return
    try:
        check_files(folders)
    except JudgeError as error:
        raise _problem(spec, str(error)) from error


def _with_content(spec: JudgeSpec, judge: Judge) -> JudgeSpec:
    """Return the spec with the hash of what its judge read from files, or of its code where that is the user's own.

    Fingerprints are made from specs.
    """
    content = getattr(judge, "content_hash", None)
    if content is None and not type(judge).__module__.startswith(_OWN_MODULES):
        content = source_hash(type(judge))
    return spec if content is None else replace(spec, parameters={**spec.parameters, _CONTENT: content})


def _problem(spec: JudgeSpec, message: str) -> FileProblem:
    return FileProblem(message, path=spec.location.path, line=spec.location.line, field=f"judges.{spec.name}")


def _template_texts(value: Json) -> list[str]:
    if isinstance(value, str):
        return [value] if has_template_marks(value) else []
    if isinstance(value, list):
        return [text for item in value for text in _template_texts(item)]
    if isinstance(value, dict):
        return [text for item in value.values() for text in _template_texts(item)]
    return []


def _variables_of(judge: Judge) -> frozenset[str] | None:
    """Return the case's vars that a judge may read: none, or unknown where it hands the case to user code."""
    return None if getattr(judge, "reads_vars", False) else frozenset()


def _union(names: Sequence[frozenset[str] | None]) -> frozenset[str] | None:
    known = [item for item in names if item is not None]
    return None if len(known) < len(names) else frozenset[str]().union(*known)
