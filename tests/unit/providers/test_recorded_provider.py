from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pytest_promptevals.errors import ProviderConfigError
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.recorded import RecordedProvider
from pytest_promptevals.records.cases import Case, Location, ProviderConfig
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Response


def ask(case: Case | None) -> Response:
    provider = RecordedProvider(ProviderContext(ProviderConfig("recorded", "recorded"), Path()))
    return asyncio.run(provider.complete(Request("output", (), case=case)))


def test_the_output_of_the_case_is_the_response() -> None:
    output = Response("recorded", latency=3.0, cost=0.1)
    assert ask(Case("a", Location("x.eval.yaml", 7), output=output)) is output


def test_a_case_without_output_is_named_with_its_place() -> None:
    with pytest.raises(ProviderConfigError) as caught:
        ask(Case("a", Location("x.eval.yaml", 7)))
    assert str(caught.value) == ("x.eval.yaml:7: case 'a' has no 'output' to judge. Add it, or name a model to call.")


def test_a_judge_cannot_ask_it() -> None:
    with pytest.raises(ProviderConfigError) as caught:
        ask(None)
    assert str(caught.value) == "'recorded' answers with a case's 'output' and cannot be asked anything else"
