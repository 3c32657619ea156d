"""From endpoints to providers, and what is known of their servers."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.engine.endpoint import Endpoint
from pytest_promptevals.engine.identifying import cache_identity, describe, identify
from pytest_promptevals.engine.routes import Routes
from pytest_promptevals.errors import ProviderConfigError
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.limits import RateLimits
from tests.unit.engine.servers import Server, endpoint, pipeline, request

HERE: Json = {"base_url": "http://here"}


def context_of(to: Endpoint) -> ProviderContext:
    return ProviderContext(to.config, Path("root"))


def test_equal_servers_share_the_limits_of_a_model_and_others_do_not() -> None:
    routes = Routes(Path("root"), 8)
    first = routes.of(endpoint(Server(HERE), "first"))
    second = routes.of(endpoint(Server(HERE), "second"))
    third = routes.of(endpoint(Server({"base_url": "http://there"}), "first"))
    other_key = routes.of(endpoint(Server(HERE), "third", options={"api_key_env": "OTHER_KEY"}))

    assert first.limiter("m") is second.limiter("m")
    assert first.limiter("m") is not first.limiter("other")
    assert first.limiter("m") is not third.limiter("m")
    assert first.limiter("m") is not other_key.limiter("m")


def test_providers_that_say_nothing_of_themselves_are_told_apart_by_name() -> None:
    routes = Routes(Path("root"), 8)

    assert routes.of(endpoint(Server(), "a")).limiter("m") is not routes.of(endpoint(Server(), "b")).limiter("m")
    assert routes.of(endpoint(Server(), "a")).limiter("m") is routes.of(endpoint(Server(), "a", timeout=9)).limiter("m")


def test_an_endpoint_has_one_route_until_all_are_closed() -> None:
    routes = Routes(Path("root"), 8)
    to = endpoint(Server())

    assert routes.of(to) is routes.of(to) is routes.of(dataclasses.replace(to, file="b.eval.yaml"))
    assert routes.of(to) is not routes.of(dataclasses.replace(to, timeout=9))


def test_the_limit_is_that_of_all_models_together_up_to_the_ceiling() -> None:
    routes = Routes(Path("root"), 8)
    assert routes.limit == 8
    route = routes.of(endpoint(Server()))
    one = route.limiter("m").limit
    assert routes.limit == one

    for number in range(20):
        route.limiter(f"m{number}")
    assert routes.limit == 8


def test_rate_limits_that_a_provider_tells_hold_for_its_model(monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[RateLimits] = []
    monkeypatch.setattr("pytest_promptevals.engine.limiter.Limiter.note", lambda _, limits: noted.append(limits))
    server = Server()

    async def main() -> None:
        pipe = pipeline()
        await pipe.call(endpoint(server), request())
        server.contexts[0].report_limits("m", RateLimits(requests_remaining=7))

    asyncio.run(main())

    assert noted == [RateLimits(requests_remaining=7)]


def test_what_the_user_allows_a_minute_is_handed_to_the_limiter(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []

    class Spy:
        def __init__(self, ceiling: int, **options: Any) -> None:
            made.append({"ceiling": ceiling, **options})

    monkeypatch.setattr("pytest_promptevals.engine.routes.Limiter", Spy)
    to = endpoint(Server(), requests_per_minute=60, tokens_per_minute=1000)

    Routes(Path("root"), 8).of(to).limiter("m")

    (options,) = made
    assert (options["ceiling"], options["shared"].size) == (8, 8)
    assert (options["requests_per_minute"], options["tokens_per_minute"]) == (60, 1000)


def test_a_factory_whose_module_ends_the_process_is_a_config_error() -> None:
    class Rude(Server):
        def load(self) -> None:
            raise SystemExit(3)

    with pytest.raises(ProviderConfigError) as caught:
        asyncio.run(call(Rude()))

    assert str(caught.value) == "provider 'mine' cannot be made: RuntimeError: SystemExit: 3"


async def call(server: Any) -> None:
    """Call a server once."""
    await pipeline().call(endpoint(server), request())


def raise_lookup_error(context: ProviderContext) -> Any:
    raise LookupError("odd")


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        (raise_lookup_error, "LookupError: odd"),
        (lambda _: Path("x"), "TypeError: Object of type PosixPath is not JSON serializable"),
        (lambda _: float("nan"), "ValueError: Out of range float values are not JSON compliant"),
    ],
)
def test_an_identity_that_is_broken_is_an_error_of_its_calls_and_of_nothing_else(told: Any, problem: str) -> None:
    server = Server()
    server.identify = told  # type: ignore[method-assign]  # what a third party may have written
    to = endpoint(server)

    with pytest.raises(ProviderConfigError) as caught:
        asyncio.run(call(server))

    assert str(caught.value).startswith(
        f"provider 'mine' does not say what decides its answers: its 'identify' must return plain JSON data or None "
        f"({problem}"
    )
    assert describe(to, context_of(to)) == (None, None)


def test_options_that_are_wrong_are_left_for_the_provider_to_say() -> None:
    def refuse(context: ProviderContext) -> Any:
        raise ProviderConfigError("bad option")

    server = Server()
    server.identify = refuse  # type: ignore[method-assign]  # as above
    to = endpoint(server)

    assert identify(to, context_of(to)) is None
    assert cache_identity(to, context_of(to)) is None


def test_a_factory_need_not_say_what_it_is() -> None:
    def make(context: ProviderContext) -> Server:
        return Server()

    to = endpoint(make)

    assert identify(to, context_of(to)) is None


@pytest.mark.parametrize(
    ("identity", "wish", "expected"),
    [
        (None, None, None),
        (None, True, {"options": {"a": 1}}),
        (HERE, True, HERE),
        (HERE, None, HERE),
        (HERE, False, None),
    ],
)
def test_what_stands_for_an_endpoint_in_the_cache(identity: Any, wish: bool | None, expected: Any) -> None:
    to = endpoint(Server(identity), cache=wish, options={"a": 1})

    assert cache_identity(to, context_of(to)) == expected
    assert describe(to, context_of(to)) == (identity, expected)


def test_closing_what_was_never_called_makes_nothing() -> None:
    server = Server()

    async def main() -> None:
        routes = Routes(Path("root"), 8)
        routes.of(endpoint(server))
        await routes.close()

    asyncio.run(main())

    assert (server.contexts, server.closed) == ([], 0)
