from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_promptevals.cache.keys import canonical_json, request_content, request_key
from pytest_promptevals.errors import CacheError
from pytest_promptevals.records.cases import Case, Location
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message


def key(
    provider: str = "openai",
    identity: Json = "https://api.example.org",
    model: str = "m",
    messages: tuple[Message, ...] = (Message("user", "hi"),),
    trial: int = 1,
    **parameters: Json,
) -> str:
    return request_key(request_content(provider, identity, Request(model, messages, parameters, trial)))


def test_the_key_of_a_request_never_changes() -> None:
    """Else all that was ever paid for would be paid for again."""
    assert key() == "b219e26ce6cbb78849ad55ada8fae5de"


def test_the_key_of_a_vector_is_another_and_never_changes_either() -> None:
    request = Request("m", (Message("user", "hi"),), {}, kind="embedding")
    content = request_content("openai", "https://api.example.org", request)

    assert request_key(content) == "e57494b8ed81e4419006e0e973cf0e3a"
    assert request_key(content) != key()


def test_all_that_decides_an_answer_is_in_the_key() -> None:
    keys = [
        key(),
        key(provider="anthropic"),
        key(identity="https://other.example.org"),
        key(model="n"),
        key(messages=(Message("system", "hi"),)),
        key(messages=(Message("user", "ho"),)),
        key(messages=(Message("user", "hi"), Message("user", "hi"))),
        key(trial=2),
        key(temperature=0),
        key(temperature=1),
    ]

    assert len(set(keys)) == len(keys)


def test_the_order_of_parameters_and_the_case_are_not() -> None:
    case = Case("a", Location("a.eval.yaml", 1))
    messages = (Message("user", "hi"),)

    assert key(a=1, b=2) == key(b=2, a=1)
    assert request_content("openai", None, Request("m", messages)) == request_content(
        "openai", None, Request("m", messages, case=case)
    )


def test_a_key_is_the_same_in_every_process() -> None:
    code = (
        f"import sys; sys.path.append({sys.path[-1]!r}); from tests.unit.cache.test_cache_keys import key; print(key())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)

    assert done.stdout.strip() == key()


def test_canonical_json_keeps_characters_and_escapes_lone_surrogates_only() -> None:
    text = canonical_json({"b": "Größe 🙂 \u2028", "a": "\ud800 end"})

    assert text == '{"a":"\\ud800 end","b":"Größe 🙂 \u2028"}'
    assert text.encode("utf-8")


def test_what_json_cannot_hold_is_an_error() -> None:
    with pytest.raises(CacheError) as caught:
        key(temperature=float("nan"))

    assert str(caught.value) == (
        "the request or response cannot be kept: Out of range float values are not JSON compliant; make it plain JSON "
        "data"
    )
    with pytest.raises(CacheError):
        canonical_json({"a": object()})
