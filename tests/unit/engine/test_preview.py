"""What cases would call, with nothing called."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.cache.entries import Entry, encode_response
from pytest_promptevals.cache.keys import canonical_json, request_content, request_key
from pytest_promptevals.cache.responses import CacheRequest, ResponseCache
from pytest_promptevals.engine.estimates import PlannedCall
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.preview import preview_calls
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.prices import Price
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, Response
from tests.unit.engine.plans import plan
from tests.unit.engine.servers import Server

HEAD = "model: mine/m\nparameters: {temperature: 0}\njudges: [exact]\n"
IDENTITY: Json = {"base_url": "http://here"}


def planned_cases(folder: Path, text: str, server: Server | None = None) -> tuple[PlannedCase, ...]:
    """Plan an eval file whose model is on that server."""
    return plan(folder, HEAD + text, mine=server or Server(IDENTITY))


def preview(folder: Path, planned: tuple[PlannedCase, ...], **options: Any) -> tuple[PlannedCall, ...]:
    """Preview with the cache in that folder."""
    return preview_calls(planned, folder, folder / "cache.db", None, **options)


def content(text: str, trial: int = 1) -> Any:
    """What the cache knows such a call by."""
    return request_content("mine", IDENTITY, Request("m", (Message("user", text),), {"temperature": 0}, trial))


def keep(path: Path, *contents: Any) -> None:
    """Put responses to those calls into a cache."""

    async def answer() -> Response:
        return Response("kept")

    async def main() -> None:
        cache = ResponseCache.open(path, "use", None, "s")
        for each in contents:
            await cache.fetch(CacheRequest(request_key(each), each), answer)
        await cache.close()

    asyncio.run(main())


def test_each_trial_is_a_call_with_its_name_price_and_request(tmp_path: Path) -> None:
    server = Server(IDENTITY)
    text = "trials: 2\nprices: {mine/m: {input: 1, output: 2}}\ncases: [{id: a, input: x, expected: x}]"

    calls = preview(tmp_path, planned_cases(tmp_path, text, server))

    assert [call.request.trial for call in calls] == [1, 2]
    call = calls[0]
    assert (call.label, call.case, call.price, call.is_cached) == ("mine/m", "a.eval.yaml::a", Price(1.0, 2.0), False)
    assert call.request.messages == (Message("user", "x"),)
    assert call.request.parameters == {"temperature": 0}
    assert (server.asked, server.contexts) == ([], [])
    assert not (tmp_path / "cache.db").exists()


def test_what_is_in_the_cache_is_marked(tmp_path: Path) -> None:
    keep(tmp_path / "cache.db", content("x"), content("x", 2), content("z"))
    planned = planned_cases(
        tmp_path, "trials: 3\ncases: [{id: a, input: x, expected: x}, {id: b, input: y, expected: y}]"
    )

    assert [call.is_cached for call in preview(tmp_path, planned)] == [True, True, False, False, False, False]


def test_what_is_recorded_is_marked(tmp_path: Path) -> None:
    known = content("x")
    entry = Entry(request_key(known), canonical_json(known), encode_response(Response("kept")))
    (tmp_path / "recorded").mkdir()
    (tmp_path / "recorded" / "a.eval.yaml.jsonl").write_text(entry.to_line() + "\n", encoding="utf-8")
    planned = planned_cases(tmp_path, "cases: [{id: a, input: x, expected: x}, {id: b, input: y, expected: y}]")

    calls = preview_calls(planned, tmp_path, tmp_path / "cache.db", tmp_path / "recorded")

    assert [call.is_cached for call in calls] == [True, False]


@pytest.mark.parametrize(("is_shared", "expected"), [(True, [False, True, True]), (False, [False, False, False])])
def test_equal_calls_share_an_answer_unless_nothing_is_shared(
    tmp_path: Path, is_shared: bool, expected: list[bool]
) -> None:
    cases = ", ".join(f"{{id: c{number}, input: same, expected: same}}" for number in range(3))
    planned = planned_cases(tmp_path, f"cases: [{cases}]")

    calls = preview_calls(planned, tmp_path, None, None, is_shared=is_shared)

    assert [call.is_cached for call in calls] == expected


@pytest.mark.parametrize("server", [Server(), Server(float("nan"))], ids=["nothing", "broken"])
def test_answers_that_are_not_kept_are_called_for_each_time(tmp_path: Path, server: Server) -> None:
    cases = "cases: [{id: a, input: x, expected: x}, {id: b, input: x, expected: x}]"
    planned = planned_cases(tmp_path, cases, server)

    assert [call.is_cached for call in preview(tmp_path, planned)] == [False, False]


def test_recorded_outputs_and_prompts_that_cannot_be_rendered_are_no_calls(tmp_path: Path) -> None:
    (tmp_path / "preview_prompts_module.py").write_text(
        "import asyncio\n"
        "def ask(input):\n    if input == 'bad': raise ValueError('no')\n    return input\n"
        "async def sleep(): await asyncio.sleep(100)\n",
        encoding="utf-8",
    )
    prompts = "prompt: [python:preview_prompts_module:ask, python:preview_prompts_module:sleep]\ntimeout: 0.05\n"
    planned = planned_cases(
        tmp_path,
        prompts + "cases: [{id: a, input: bad, expected: x}, {id: b, input: good, expected: x}, "
        "{id: c, input: good, output: x, expected: x}]",
    )

    assert [call.request.messages[0].content for call in preview(tmp_path, planned)] == ["good"]
