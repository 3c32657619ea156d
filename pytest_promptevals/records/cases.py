"""What a user wrote: cases, how to judge them, and the dataset that holds them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_promptevals.records.json_types import Json, JsonObject
from pytest_promptevals.records.prices import Price
from pytest_promptevals.records.responses import Response


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file that a user wrote."""

    path: str
    """File, posix separators, relative to the rootdir where it is inside of it."""
    line: int
    """1-based line."""

    def __str__(self) -> str:
        # A file may be called so that the next line of a message would begin with what its name goes on with.
        path = self.path.replace("\n", "\\n").replace("\r", "\\r")
        return f"{path}:{self.line}"


@dataclass(frozen=True, slots=True)
class JudgeSpec:
    """One entry of a ``judges`` list, as written, before its judge is built."""

    judge: str
    """Registered name of the judge, or ``all_of`` / ``any_of``."""
    name: str
    """Label of the score, unique within a case: the judge's name unless the user gave one."""
    location: Location
    """Where the entry stands."""
    parameters: JsonObject = field(default_factory=dict)
    """Parameters of the judge; strings among them may be templates."""
    argument: Json = None
    """A bare value that stands in place of parameters, as in ``contains: text``."""
    threshold: float | None = None
    """Smallest score that passes; ``None`` takes the judge's own default."""
    weight: float = 1.0
    """Share in the case's score; 0 leaves it out."""
    required: bool = True
    """Whether the case fails when this judge does."""
    negated: bool = False
    """Whether ``not:`` stands before it."""
    children: tuple[JudgeSpec, ...] = ()
    """The judges of an ``all_of`` or ``any_of`` group."""


@dataclass(frozen=True, slots=True)
class Case:
    """One row of a dataset."""

    id: str
    """Unique within its dataset."""
    location: Location
    """Where the row stands."""
    input: Json = None
    """What is asked: text, chat messages or any data; ``{{ input }}`` in templates."""
    vars: JsonObject = field(default_factory=dict)
    """Variables of the templates."""
    expected: Json = None
    """The reference answer; a list of texts means any one of them."""
    output: Response | None = None
    """A recorded response: then no model is called."""
    context: tuple[str, ...] = ()
    """Passages that the answer must rest on."""
    tags: tuple[str, ...] = ()
    """Marks of the case, those of its eval file included."""
    judges: tuple[JudgeSpec, ...] = ()
    """Judges of this case alone, beside those of its eval file."""
    weight: float = 1.0
    """Weight in the metrics of the eval file."""
    priority: int = 0
    """Higher runs earlier where the order is by priority."""
    group: str | None = None
    """Cases of one group are not independent (paraphrases of one question)."""
    trials: int | None = None
    """Repetitions; ``None`` takes the eval file's."""
    skip: str | None = None
    """Reason why the case is not run."""
    xfail: str | None = None
    """Reason why the case is expected to fail."""
    metadata: JsonObject = field(default_factory=dict)
    """The user's own notes; never sent to a model."""


class CasePolicy(enum.Enum):
    """What a case below its threshold means."""

    STRICT = "strict"
    """The case fails."""
    RATCHET = "ratchet"
    """The case fails only if the baseline passed it."""
    GATE = "gate"
    """Only the gates decide."""


class OnInconclusive(enum.Enum):
    """What a drop means that is larger than allowed, and may be chance."""

    PASS = "pass"  # noqa: S105 - no password
    """The session passes, with a warning."""
    FAIL = "fail"
    """The session fails."""


class MissingCases(enum.Enum):
    """What it means that cases of the baseline are no longer in the dataset."""

    FAIL = "fail"
    """The session fails."""
    WARN = "warn"
    """They are named."""


@dataclass(frozen=True, slots=True)
class GateRules:
    """The ``gate`` of an eval file. ``None`` takes the setting; where that has none either, the rule is left out."""

    max_drop: float | None = None
    """Largest drop of the mean score against the baseline that still passes."""
    confidence: float | None = None
    """Confidence that a drop must reach to count as real."""
    min_score: float | None = None
    """Smallest mean score."""
    min_pass_rate: float | None = None
    """Smallest share of cases that pass."""
    max_cost: float | None = None
    """Most US dollars that the file's results may cost in all."""
    max_cost_increase: float | None = None
    """Largest rise of the cost against the baseline that still passes, as a share: 0.2 is a fifth."""
    max_latency_p95: float | None = None
    """Largest 95th percentile of the cases' latency in seconds."""
    max_error_rate: float | None = None
    """Largest share of cases that may end in an error; ``None`` fails where fewer than half of them have a score."""
    judges: Mapping[str, float] = field(default_factory=dict)
    """Largest drop of single judges' mean scores, by the judge's label."""
    on_inconclusive: OnInconclusive | None = None
    """What a drop means that is too large but may be chance."""
    missing_cases: MissingCases | None = None
    """What it means that cases of the baseline are gone."""


@dataclass(frozen=True, slots=True)
class PromptSource:
    """One prompt as written: a text, a file name, ``python:module:function``, or chat messages."""

    value: Json
    """A string, or a list of ``{role, content}``."""
    location: Location
    """Where it is written; file names in it are relative to this file's folder."""


@dataclass(frozen=True, slots=True)
class FewShot:
    """One example exchange that is put before the question."""

    user: str
    """What the user of the example says."""
    assistant: str
    """What the assistant of the example answers."""
    location: Location = field(default=Location("", 1), compare=False)
    """Where it stands; what two files say alike is one example."""


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """How a provider of a given name is reached."""

    name: str
    """The part before the ``/`` in ``provider/model``."""
    type: str
    """Registered provider that does the work."""
    options: JsonObject = field(default_factory=dict)
    """Further keys as written, such as ``base_url`` and ``api_key_env``."""
    location: Location | None = None
    """Where it is configured; ``None`` for a built-in provider that needs no entry."""
    cache: bool | None = None
    """Whether its responses are kept and used again; ``None`` leaves that to the provider."""
    requests_per_minute: float | None = None
    """Most calls a minute, as the user knows them; ``None`` if they are not known."""
    tokens_per_minute: float | None = None
    """Most tokens a minute, prompt and answer together."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """One eval file with its defaults applied: what to ask, whom, and how to judge the answers."""

    path: str
    """The eval file, posix separators, relative to the rootdir."""
    cases: tuple[Case, ...]
    """In file order."""
    prompts: tuple[PromptSource, ...] = ()
    """One item per case and prompt; empty means the input itself is the prompt."""
    models: tuple[str, ...] = ()
    """``provider/model`` names; one item per case and model."""
    parameters: JsonObject = field(default_factory=dict)
    """Parameters of the model call, as the API names them."""
    trials: int = 1
    """Repetitions of each case."""
    reducer: str = "mean"
    """How the trials of a case become one score."""
    threshold: float | None = None
    """Smallest case score that passes, beside the judges' own thresholds."""
    timeout: float | None = None
    """Seconds that one model call may take; ``None`` takes the setting."""
    judges: tuple[JudgeSpec, ...] = ()
    """Judges of every case."""
    judge_model: str = ""
    """``provider/model`` that judges ask which name none; empty takes the setting."""
    gate: GateRules = field(default_factory=GateRules)
    """Rules on the metrics of the whole file."""
    case_policy: CasePolicy | None = None
    """What a case below its threshold means; ``None`` takes the setting."""
    few_shot: tuple[FewShot, ...] = ()
    """Examples put before the question."""
    providers: tuple[ProviderConfig, ...] = ()
    """Named providers."""
    location: Location = Location("", 1)
    """Where the eval file begins."""
    models_location: Location | None = None
    """Where the models are named."""
    prices: Mapping[str, Price] = field(default_factory=dict)
    """The user's own prices, by ``provider/model``: they go before the table."""
