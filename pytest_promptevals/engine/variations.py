"""A planned case with the prompt, or the model, that it once had."""

from __future__ import annotations

import dataclasses

from pytest_promptevals.engine.planning import EvalPlan, PlannedCase, Target
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.contents import Content
from pytest_promptevals.records.json_types import JsonObject
from pytest_promptevals.records.responses import RenderedPrompt


class KeptPrompt:
    """A prompt as it was once rendered for one case."""

    variables: frozenset[str] | None = frozenset()

    def __init__(self, rendered: RenderedPrompt) -> None:
        self._rendered = rendered
        self.name = rendered.name

    @property
    def content(self) -> Content | None:
        """Nothing: the template that it came from is not at hand."""
        return None

    def check(self, case: Case) -> None:
        """Find nothing: it was asked before."""

    async def render(self, case: Case) -> RenderedPrompt:
        """Return it as it was."""
        del case
        return self._rendered


def with_prompt(planned: PlannedCase, rendered: RenderedPrompt) -> PlannedCase:
    """Return a planned case that asks what was once asked for it."""
    return dataclasses.replace(planned, prompt=KeptPrompt(rendered))


def find_target(plan: EvalPlan, label: str) -> Target | None:
    """Return the model that ``provider/model`` names, ``None`` if its provider is no longer known."""
    provider, _, model = label.partition("/")
    return Target(plan.providers[provider], model) if provider in plan.endpoints else None


def with_parameters(plan: EvalPlan, parameters: JsonObject) -> EvalPlan:
    """Return a plan whose model calls have other parameters."""
    return dataclasses.replace(plan, dataset=dataclasses.replace(plan.dataset, parameters=parameters))
