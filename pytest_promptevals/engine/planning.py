"""Dataset to planned cases: every case with its prompt, model and judges, checked before anything is paid."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_promptevals.engine.endpoint import RECORDED, TESTED, Endpoint
from pytest_promptevals.engine.judging import JudgeModels, JudgePlanner, PlannedJudge
from pytest_promptevals.engine.provider_contents import ProviderContents
from pytest_promptevals.engine.registry import Registry
from pytest_promptevals.engine.variants import label_variants
from pytest_promptevals.engine.warming import Warmer
from pytest_promptevals.errors import DatasetError, FileProblem, PromptError, did_you_mean
from pytest_promptevals.files.paths import search_folders
from pytest_promptevals.hookspecs import ProviderFactory
from pytest_promptevals.prompts.sources import InputPrompt, PromptTemplate, load_prompt
from pytest_promptevals.prompts.templates import TemplateEnvironment
from pytest_promptevals.prompts.trajectories import check_messages
from pytest_promptevals.records.cases import Case, Dataset, JudgeSpec, Location, ProviderConfig
from pytest_promptevals.records.codec import to_plain
from pytest_promptevals.records.fingerprints import case_fingerprint, content_hash, full_fingerprint
from pytest_promptevals.records.partial import partial_fingerprint
from pytest_promptevals.records.responses import RenderedPrompt
from pytest_promptevals.settings import Settings

_NO_PROMPT_NEEDED = (RECORDED, "python")
_JUDGE_MODEL = "evals_judge_model (--evals-judge-model, PROMPTEVALS_JUDGE_MODEL)"


@dataclass(frozen=True, slots=True)
class Target:
    """The model that a case is put to."""

    config: ProviderConfig
    """How its provider is reached."""
    model: str
    """Name sent to the provider."""

    @property
    def label(self) -> str:
        """``provider/model``."""
        return f"{self.config.name}/{self.model}" if self.model else self.config.name


@dataclass(frozen=True, slots=True)
class EvalPlan:
    """What all cases of one eval file share."""

    dataset: Dataset
    """As loaded."""
    planner: JudgePlanner
    """Fills in judges whose parameters are templates."""
    providers: Mapping[str, ProviderConfig]
    """Named providers, built-in ones included."""
    timeout: float
    """Seconds one call may take."""
    endpoints: Mapping[str, Endpoint]
    """Where the calls of each provider go."""
    warmer: Warmer
    """Prepares its judges."""
    contents: ProviderContents
    """Knows what the answers of its models come from."""
    level: int = 3
    """Highest level of the judges that run."""
    prompts: tuple[PromptTemplate, ...] = ()
    """Its prompts; none where the cases' inputs are asked, or nothing."""
    judges: tuple[PlannedJudge, ...] = ()
    """The judges of all its cases."""


@dataclass(frozen=True, slots=True)
class PlannedCase:
    """One case with one prompt and one model: one item."""

    case: Case
    """The case."""
    name: str
    """The item's name."""
    target: Target
    """Whom to ask."""
    prompt: PromptTemplate
    """What to ask."""
    judges: tuple[PlannedJudge, ...]
    """How to judge the answer: those of the file, then those of the case."""
    trials: int
    """How often."""
    plan: EvalPlan
    """What it shares with its file's other cases."""
    written: tuple[PlannedJudge, ...] = ()
    """All its judges, if some of them are above the level of the run and so not among ``judges``; else empty."""

    @property
    def endpoint(self) -> Endpoint:
        """Where its calls go."""
        return self.plan.endpoints[self.target.config.name]

    @property
    def level(self) -> int:
        """The highest level of its judges, those included that do not run; 1 without any."""
        return max((judge.level for judge in self.written or self.judges), default=1)

    @property
    def fingerprint(self) -> str:
        """Content hash of the case and its judges; one of its own if not all of them run."""
        reducer = self.plan.dataset.reducer
        whole = case_fingerprint(self.case, tuple(judge.spec for judge in self.written or self.judges), reducer)
        return partial_fingerprint(whole, self.plan.level, reducer) if self.written else whole

    @property
    def prompt_hash(self) -> str:
        """Content hash of the prompt's template; empty where there is none, or where it is not asked."""
        content = None if self.target.config.name in (RECORDED, TESTED) else self.prompt.content
        return "" if content is None else content.hash

    def full_fingerprint(self, prompt: RenderedPrompt | None, case_hash: str | None = None) -> str:
        """Return the content hash of all that gives its score its meaning, with the prompt as it is rendered.

        ``case_hash`` is the fingerprint of the case where another one than its own is meant: that of other judges.
        """
        target, plan = self.target, self.plan
        if self.case.output is not None:  # what is judged stands in the file
            content = content_hash(to_plain(self.case.output))
        else:
            is_asked = target.config.name in plan.endpoints and target.model
            content = plan.contents.of(self.endpoint, target.model) if is_asked else ""
        case_hash = case_hash or self.fingerprint
        return full_fingerprint(case_hash, prompt, target.label, plan.dataset.parameters, content)

    @property
    def skip_reason(self) -> str | None:
        """Why it does not run in this session, ``None`` if it does."""
        if self.case.skip is not None or self.judges or not self.written:
            return self.case.skip
        left_out = ", ".join(f"{judge.spec.name} (level {judge.level})" for judge in self.written)
        return f"--evals-level {self.plan.level} leaves no judge that scores it: {left_out}"


def plan_dataset(dataset: Dataset, registry: Registry, rootdir: Path, settings: Settings) -> tuple[PlannedCase, ...]:
    """Return the planned cases of a dataset, in file order, models within prompts within cases.

    Everything that can be known to be wrong before a call is raised together as one ``DatasetError``.
    """
    return _Planning(dataset, registry, rootdir, settings).run()


def plan_judges(dataset: Dataset, registry: Registry, rootdir: Path, settings: Settings) -> tuple[PlannedCase, ...]:
    """Return the cases of a dataset for a test function that produces the outputs itself: no prompt, no model."""
    return _Planning(dataset, registry, rootdir, settings).run_without_models()


class _Planning:
    def __init__(self, dataset: Dataset, registry: Registry, rootdir: Path, settings: Settings) -> None:
        self._dataset = dataset
        self._registry = registry
        self._settings = settings
        self._rootdir = rootdir
        self._environment = TemplateEnvironment(rootdir)
        self._problems: list[FileProblem] = []
        self._prompt_problems: dict[int, list[tuple[Case, str]]] = {}
        configs = {name: ProviderConfig(name, name) for name in registry.providers}
        configs.update((config.name, config) for config in dataset.providers)
        judge_model = _judge_model(dataset, settings)
        setting = "" if judge_model == dataset.judge_model else _JUDGE_MODEL
        models = JudgeModels(judge_model, settings.judged_level > 1, configs, setting)
        self._planner = JudgePlanner(registry.judges, self._environment, rootdir, models)
        timeout = settings.timeout
        if dataset.timeout is not None and "timeout" not in settings.given:
            timeout = dataset.timeout
        endpoints = {
            config.name: _endpoint(registry.providers[config.type], config, timeout, rootdir, dataset)
            for config in configs.values()
            if config.type in registry.providers
        }
        warmer, contents = Warmer(self._planner), ProviderContents(rootdir)
        level = settings.judged_level
        self._plan = EvalPlan(dataset, self._planner, configs, timeout, endpoints, warmer, contents, level)

    def run(self) -> tuple[PlannedCase, ...]:
        targets = self._targets()
        prompts = self._prompts()
        self._prompt_problems = {id(prompt): [] for prompt in prompts}
        shared = self._plan_judges(self._dataset.judges)
        self._stop_on_problems()
        self._plan = dataclasses.replace(self._plan, prompts=prompts, judges=shared)
        planned = tuple(map(self._leave_out, self._cases(targets, prompts, shared)))
        self._note_prompt_problems(prompts)
        self._stop_on_problems()
        return planned

    def run_without_models(self) -> tuple[PlannedCase, ...]:
        shared = self._plan_judges(self._dataset.judges)
        self._stop_on_problems()
        self._plan = dataclasses.replace(self._plan, judges=shared)
        target = Target(ProviderConfig(TESTED, TESTED), "")
        planned = tuple(
            PlannedCase(case, case.id, target, InputPrompt(), shared + self._plan_judges(case.judges), 1, self._plan)
            for case in self._dataset.cases
        )
        self._stop_on_problems()
        return tuple(map(self._leave_out, planned))

    def _stop_on_problems(self) -> None:
        if self._problems:
            # What is wrong with a judge that each case fills in is said once.
            different = {str(problem): problem for problem in self._problems}.values()
            raise DatasetError(sorted(different, key=lambda problem: (problem.path, problem.line or 0)))

    def _note(self, message: str, location: Location, field: str = "") -> None:
        self._problems.append(FileProblem(message, path=location.path, line=location.line, field=field))

    def _targets(self) -> tuple[Target, ...]:
        names = self._settings.model or self._dataset.models
        location = self._dataset.models_location or self._dataset.location
        if not names and any(case.output is None for case in self._dataset.cases):
            self._note(
                "no model: add 'model: provider/model' to the eval file or to an evals.yaml above it, "
                "or give every case an 'output'",
                location,
            )
        return tuple(target for name in names if (target := self._target(name, location)) is not None)

    def _target(self, name: str, location: Location) -> Target | None:
        provider, slash, model = name.partition("/")
        configs = self._plan.providers
        if provider not in configs:
            hint = did_you_mean(provider, configs) if slash else f" Write it as provider/model: 'openai/{name}'?"
            message = f"unknown provider {provider!r} in model {name!r}.{hint}"
            if self._settings.model:
                self._problems.append(FileProblem(message, path="evals_model"))
            else:
                self._note(message, location)
            return None
        config = configs[provider]
        if config.type not in self._registry.providers:
            place = config.location or location
            hint = did_you_mean(config.type, self._registry.providers)
            self._note(f"unknown type {config.type!r} of provider {provider!r}.{hint}", place)
            return None
        if not model and config.type != RECORDED:
            self._note(f"model {name!r} names no model: write '{provider}/MODEL'", location)
            return None
        return Target(config, model)

    def _prompts(self) -> tuple[PromptTemplate, ...]:
        loaded: list[PromptTemplate] = []
        for source in self._dataset.prompts:
            try:
                loaded.append(load_prompt(source, self._environment, self._rootdir, self._dataset.few_shot))
            except FileProblem as problem:
                self._problems.append(problem)
            except DatasetError as error:
                self._problems.extend(error.problems)
        if not self._dataset.prompts:
            return (InputPrompt(self._dataset.few_shot),)
        return tuple(loaded)

    def _plan_judges(self, specs: Sequence[JudgeSpec]) -> tuple[PlannedJudge, ...]:
        planned: list[PlannedJudge] = []
        for spec in specs:
            try:
                planned.append(self._planner.plan(spec))
            except FileProblem as problem:
                self._problems.append(problem)
        return tuple(planned)

    def _cases(
        self, targets: Sequence[Target], prompts: Sequence[PromptTemplate], shared: tuple[PlannedJudge, ...]
    ) -> Iterator[PlannedCase]:
        labels = label_variants([target.label for target in targets], [prompt.name for prompt in prompts])
        variants = [(targets[model], prompts[prompt], label) for prompt, model, label in labels]
        recorded = Target(ProviderConfig(RECORDED, RECORDED), "")
        # The user's own function is handed the vars: which of them it reads cannot be known.
        is_hidden = any(target.config.type == "python" for target in targets)
        prompt_names = None if is_hidden else _union_variables(prompts)
        for case in self._dataset.cases:
            judges = shared + self._plan_judges(case.judges) if case.judges else shared
            judges = self._check_judges(case, judges)
            if case.output is not None:
                self._check_conversation(case)
                yield PlannedCase(case, case.id, recorded, prompts[0], judges, 1, self._plan)
                continue
            self._check_variables(case, judges, prompt_names)
            trials = self._trials(case)
            for prompt in prompts:
                self._check_prompt(case, prompt)
            for target, prompt, label in variants:
                self._check_question(case, prompt, target)
                yield PlannedCase(case, case.id + label, target, prompt, judges, trials, self._plan)

    def _leave_out(self, planned: PlannedCase) -> PlannedCase:
        """Return the case without the judges above the level of the run."""
        running = tuple(judge for judge in planned.judges if judge.level <= self._plan.level)
        if len(running) == len(planned.judges):
            return planned
        has_score = any(judge.spec.weight for judge in running)
        return dataclasses.replace(planned, judges=running if has_score else (), written=planned.judges)

    def _trials(self, case: Case) -> int:
        trials = self._settings.trials or case.trials or self._dataset.trials
        kind, mark, count = self._dataset.reducer.partition("@" if "@" in self._dataset.reducer else "^")
        if mark and trials < int(count):
            self._note(
                f"reducer {kind}{mark}{count} needs at least {count} trials; this case has {trials}", case.location
            )
        return trials

    def _check_judges(self, case: Case, judges: tuple[PlannedJudge, ...]) -> tuple[PlannedJudge, ...]:
        """Note what is wrong with them, and return them as the case has them."""
        if not judges:
            self._note("no judges: add 'judges' to the case, the eval file or an evals.yaml above it", case.location)
        elif not any(judge.spec.weight for judge in judges):
            self._note("all judges have weight 0, so the case has no score: give one of them a weight", case.location)
        checked = [self._check_judge(case, judge) for judge in judges]
        # The cases of a file share their judges, where they can.
        return judges if all(map(operator.is_, checked, judges)) else tuple(checked)

    def _check_judge(self, case: Case, judge: PlannedJudge) -> PlannedJudge:
        try:
            return self._planner.check(judge, case)
        except FileProblem as problem:
            self._problems.append(problem)
            return judge

    def _check_conversation(self, case: Case) -> None:
        try:
            check_messages(case.input)
        except PromptError as error:
            self._note(str(error), case.location)

    def _check_prompt(self, case: Case, prompt: PromptTemplate) -> None:
        try:
            prompt.check(case)
        except PromptError as error:
            self._prompt_problems[id(prompt)].append((case, str(error)))

    def _note_prompt_problems(self, prompts: Sequence[PromptTemplate]) -> None:
        asked = sum(case.output is None for case in self._dataset.cases)
        for number, prompt in enumerate(prompts):
            problems = self._prompt_problems[id(prompt)]
            name = f"prompt {prompt.name!r}: " if prompt.name else "prompt: "
            texts = {text for _, text in problems}
            if len(problems) == asked > 1 and len(texts) == 1:
                # What is wrong with every case is wrong with the prompt.
                self._note(f"{name}{texts.pop()} (so for all {asked} cases)", self._dataset.prompts[number].location)
                continue
            for case, text in problems:
                self._note(name + text, case.location)

    def _check_question(self, case: Case, prompt: PromptTemplate, target: Target) -> None:
        if isinstance(prompt, InputPrompt) and case.input is None and target.config.type not in _NO_PROMPT_NEEDED:
            self._note("nothing to ask: the case has no 'input' and the eval file no 'prompt'", case.location)

    def _check_variables(self, case: Case, judges: Sequence[PlannedJudge], prompt_names: frozenset[str] | None) -> None:
        if prompt_names is None or any(judge.variables is None for judge in judges):
            return
        used = prompt_names.union(*(judge.variables for judge in judges if judge.variables))
        if case.input is not None and "input" not in used and "input" not in case.vars:
            self._note(
                "unused input: no prompt and no judge names {{ input }}, so it would not be asked", case.location
            )
        for name in case.vars:
            if name not in used:
                unused = f"unused variable {name!r}: no prompt and no judge names it."
                hint = did_you_mean(name, used - case.vars.keys())
                self._note(
                    f"{unused}{hint if 'Did you mean' in hint else ''} What is only a note belongs into 'metadata'.",
                    case.location,
                    f"vars.{name}",
                )


def _judge_model(dataset: Dataset, settings: Settings) -> str:
    """Return the model of judges that name none: what an option or the environment says goes before the file."""
    if dataset.judge_model and "judge_model" not in settings.given:
        return dataset.judge_model
    return settings.judge_model


def _union_variables(prompts: Sequence[PromptTemplate]) -> frozenset[str] | None:
    names = [prompt.variables for prompt in prompts]
    known = [item for item in names if item is not None]
    return None if len(known) < len(names) else frozenset[str]().union(*known)


def _endpoint(
    factory: ProviderFactory, config: ProviderConfig, timeout: float, rootdir: Path, dataset: Dataset
) -> Endpoint:
    # A provider's files and functions are looked up from the file that configures it, or else that names the model.
    place = config.location or dataset.models_location or dataset.location
    folders = search_folders(place.path, rootdir)
    return Endpoint(factory, config, timeout, folders, dataset.prices, dataset.path)
