"""What cases would call: their prompts rendered, nothing sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from pytest_promptevals.cache.kept import find_kept
from pytest_promptevals.cache.keys import request_content, request_key
from pytest_promptevals.engine.endpoint import RECORDED, Endpoint
from pytest_promptevals.engine.estimates import PlannedCall
from pytest_promptevals.engine.identifying import describe
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.pricing import ANSWER_LIMITS, find_price
from pytest_promptevals.errors import PromptEvalsError
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.requests import Request


def preview_calls(
    cases: Sequence[PlannedCase],
    rootdir: Path,
    cache_file: Path | None,
    recordings: Path | None,
    *,
    is_shared: bool = True,
) -> tuple[PlannedCall, ...]:
    """Return the calls that cases would make, one for each trial, in their order.

    A case whose prompt cannot be rendered has none: running it would say why. Python functions that make prompts are
    called for it.

    Args:
        cases: what would be run.
        rootdir: root of the project.
        cache_file: the response cache; ``None`` if it is not used.
        recordings: folder of the recordings, ``None`` for none.
        is_shared: whether equal calls share one answer.
    """
    asked = asyncio.run(_render_all(cases))
    servers = Servers(rootdir)
    keys = [_key_of(planned, request, servers) for planned, request in asked]
    kept: set[str] = set()
    if cache_file is not None:
        files = {key: planned.plan.dataset.path for key, (planned, _) in zip(keys, asked, strict=True) if key}
        kept.update(find_kept(cache_file, recordings, files))
    calls = []
    for (planned, request), key in zip(asked, keys, strict=True):
        calls.append(_planned_call(planned, request, servers, is_cached=key in kept))
        if key is not None and is_shared:
            kept.add(key)
    return tuple(calls)


async def _render_all(cases: Sequence[PlannedCase]) -> list[tuple[PlannedCase, Request]]:
    asked: list[tuple[PlannedCase, Request]] = []
    for planned in cases:
        if planned.target.config.type == RECORDED:
            continue
        try:
            async with asyncio.timeout(planned.plan.timeout):
                prompt = await planned.prompt.render(planned.case)
        except (PromptEvalsError, TimeoutError):
            continue
        parameters = planned.plan.dataset.parameters
        asked.extend(
            (planned, Request(planned.target.model, prompt.messages, parameters, number, planned.case))
            for number in range(1, planned.trials + 1)
        )
    return asked


class Servers:
    """What endpoints say of themselves, each asked once."""

    def __init__(self, rootdir: Path) -> None:
        self._rootdir = rootdir
        self._known: dict[int, tuple[Json, Json]] = {}

    def describe(self, endpoint: Endpoint) -> Json:
        """Return what prices depend on."""
        return self._ask(endpoint)[0]

    def cache_identity(self, endpoint: Endpoint) -> Json:
        """Return what stands for it in the keys of the cache."""
        return self._ask(endpoint)[1]

    def _ask(self, endpoint: Endpoint) -> tuple[Json, Json]:
        if id(endpoint) not in self._known:
            context = ProviderContext(endpoint.config, self._rootdir, endpoint.search_path)
            self._known[id(endpoint)] = describe(endpoint, context)
        return self._known[id(endpoint)]


def _key_of(planned: PlannedCase, request: Request, servers: Servers) -> str | None:
    identity = servers.cache_identity(planned.endpoint)
    if identity is None:
        return None
    return request_key(request_content(planned.endpoint.config.type, identity, request))


def _planned_call(planned: PlannedCase, request: Request, servers: Servers, *, is_cached: bool) -> PlannedCall:
    price = find_price(planned.endpoint, servers.describe(planned.endpoint), request.model, request.parameters)
    name = f"{planned.plan.dataset.path}::{planned.name}"
    limit = ANSWER_LIMITS.get(planned.endpoint.config.type)
    return PlannedCall(planned.target.label, name, request, price, is_cached, limit)
