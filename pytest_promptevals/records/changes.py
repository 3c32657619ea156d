"""What differs between an eval file's run and its baseline, beside the scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import Delta
from pytest_promptevals.records.json_types import Json


@dataclass(frozen=True, slots=True)
class ValueChange:
    """Something with a name that has another value than before."""

    name: str
    """A parameter, judge, model or package."""
    before: Json
    """Its value in the baseline; ``None`` if it was not there."""
    after: Json
    """Its value now; ``None`` if it is not there."""


@dataclass(frozen=True, slots=True)
class PromptChange:
    """A prompt that is another one than before."""

    name: str
    """Name of the template; empty for an inline one."""
    hash_before: str
    """Content hash of the template in the baseline; empty if it had none, or if that is not known."""
    hash_after: str
    """The same now."""
    cases: int
    """Cases that are asked with it."""
    before: Mapping[str, str] | None = None
    """Text of the template in the baseline, without a name, and those of the files that it includes by their paths;
    ``None`` if it is not known, nothing where there was none."""
    after: Mapping[str, str] | None = None
    """The same now."""


@dataclass(frozen=True, slots=True)
class ModelChange:
    """A model that took the place of another one."""

    before: str
    """``provider/model`` in the baseline."""
    after: str
    """The same now."""
    cases: int
    """Cases that are put to it."""


@dataclass(frozen=True, slots=True)
class CaseChanges:
    """What differs in what the paired cases asked."""

    prompts: tuple[PromptChange, ...] = ()
    """Prompts, without their texts."""
    models: tuple[ModelChange, ...] = ()
    """Models."""
    is_same: bool | None = None
    """Whether all of them asked just the same; ``None`` if the baseline does not say."""
    is_asked: bool = True
    """Whether a model is asked for any of them; not for outputs that stand in a file or that a test function makes."""


@dataclass(frozen=True, slots=True)
class Flip:
    """A case that got worse, with both outputs."""

    delta: Delta
    """Its change."""
    before: str | None = None
    """Output in the baseline; ``None`` if it is not known."""
    after: str | None = None
    """Output now; ``None`` if it was not kept."""

    @property
    def location(self) -> Location | None:
        """Where the case stands."""
        return self.delta.location


@dataclass(frozen=True, slots=True)
class FileChanges:
    """What differs between an eval file's run and its baseline."""

    cases: CaseChanges
    """What the cases asked."""
    parameters: tuple[ValueChange, ...] = ()
    """Parameters of the model calls."""
    resolved: tuple[ValueChange, ...] = ()
    """Models whose name means another version than before, as the provider says."""
    judges: tuple[ValueChange, ...] = ()
    """Judges by their labels; their values are content hashes."""
    packages: tuple[ValueChange, ...] = ()
    """Versions of Python and of packages."""
    weights: tuple[ValueChange, ...] = ()
    """Weights of cases that are compared, by the item's name."""
    flips: tuple[Flip, ...] = ()
    """Cases that got worse, worst first: those that no longer pass before the others."""
    is_run_known: bool = False
    """Whether the history has the run of the baseline: only then judges and packages can be compared."""
    are_parameters_known: bool = False
    """Whether the baseline's parameters are known, be it from git, and so compared."""
    hint: str = ""
    """What to do for more to be known of the baseline; empty if nothing helps."""
