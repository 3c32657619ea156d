"""Prices, and what providers have that is the engine's."""

from __future__ import annotations

import pytest

from pytest_promptevals.records.cases import Location, ProviderConfig
from pytest_promptevals.records.prices import Price
from tests.support.eval_folder import EvalFolder

CASE = "cases: [{id: a}]\n"


def test_prices_are_in_dollars_for_a_million_tokens_or_free(folder: EvalFolder) -> None:
    dataset = folder.load_text(
        """\
        prices:
          openai/gpt-x: {input: 0.25, output: 2, cached_input: 0.025, cache_write: 0.3, call: 0.01, max_output: 8192}
          local/llama: free
          python/shop:answer: {input: 0, output: 0, cached_input: null}
        cases: [{id: a}]
        """
    )
    assert dataset.prices == {
        "openai/gpt-x": Price(0.25, 2.0, 0.025, 0.3, 0.01, 8192),
        "local/llama": Price(),
        "python/shop:answer": Price(),
    }


def test_an_eval_file_without_prices_has_none(folder: EvalFolder) -> None:
    assert folder.load_text(CASE).prices == {}


def test_the_nearest_price_of_a_model_wins_as_a_whole(folder: EvalFolder) -> None:
    folder.write("evals.yaml", "prices: {a/x: {input: 1, output: 2, call: 3}, a/y: free, a/z: {input: 4, output: 5}}\n")
    dataset = folder.load_text(f"prices: {{a/x: {{input: 6, output: 7}}, b/x: free, a/z: free}}\n{CASE}")
    assert dataset.prices == {"a/x": Price(6, 7), "a/y": Price(), "a/z": Price(), "b/x": Price()}


@pytest.mark.parametrize(
    ("price", "problem"),
    [
        ("{inptu: 1, input: 1, output: 1}", ".inptu: unknown key. Did you mean 'input'?"),
        ("{input: 1}", ".output: this key is missing; add it"),
        ("{input: -1, output: 1}", ".input: must be at least 0, got -1"),
        ("{input: 1, output: 1, call: -0.5}", ".call: must be at least 0, got -0.5"),
        ("{input: 1, output: .nan}", ".output: .nan is no JSON number; use null, or put it into quotes"),
        ("{input: 1, output: '2'}", '.output: must be a number, got "2"'),
        ("{input: 1, output: 1, max_output: 0}", ".max_output: must be at least 1, got 0"),
        ("{input: 1, output: 1, max_output: 1.5}", ".max_output: must be a whole number, got 1.5"),
        ("fre", ': must be free, or a mapping such as {input: 0.25, output: 2.0}, got "fre"'),
        ("0", ": must be free, or a mapping such as {input: 0.25, output: 2.0}, got 0"),
        ("null", ": must be free, or a mapping such as {input: 0.25, output: 2.0}, got null"),
    ],
)
def test_a_wrong_price_is_a_problem_with_its_line(folder: EvalFolder, price: str, problem: str) -> None:
    assert folder.problems_of(f"{CASE}prices:\n  a/x: {price}\n") == [f"a.eval.yaml:3: prices.a/x{problem}"]


@pytest.mark.parametrize("name", ["gpt-5-mini", "/m", "a/", "' /m'", "'a/ '", "''"])
def test_a_price_is_of_a_provider_and_a_model(folder: EvalFolder, name: str) -> None:
    (problem,) = folder.problems_of(f"{CASE}prices: {{{name}: free}}\n")
    shown = name.strip("'")
    assert problem == (
        f"a.eval.yaml:2: prices.{shown}: must be the name of a model as provider/model, such as openai/gpt-5-mini, "
        f'got "{shown}"'
    )


def test_the_engines_keys_of_a_provider_are_no_options(folder: EvalFolder) -> None:
    dataset = folder.load_text(
        """\
        providers:
          local: {type: openai, base_url: b, cache: false, requests_per_minute: 60, tokens_per_minute: 1000.5}
          other: {}
        cases: [{id: a}]
        """
    )
    path = "a.eval.yaml"
    assert dataset.providers == (
        ProviderConfig("local", "openai", {"base_url": "b"}, Location(path, 2), False, 60.0, 1000.5),
        ProviderConfig("other", "other", {}, Location(path, 3), None, None, None),
    )


def test_the_engines_keys_merge_key_by_key(folder: EvalFolder) -> None:
    folder.write("evals.yaml", "providers: {a: {cache: true, requests_per_minute: 5, tokens_per_minute: 7}}\n")
    (config,) = folder.load_text(f"providers: {{a: {{requests_per_minute: 6, cache: null}}}}\n{CASE}").providers
    assert (config.cache, config.requests_per_minute, config.tokens_per_minute) == (None, 6.0, 7.0)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("cache: 1", ".cache: must be true or false, got 1"),
        ("requests_per_minute: 0", ".requests_per_minute: must be above 0, got 0"),
        ("tokens_per_minute: many", '.tokens_per_minute: must be a number, got "many"'),
    ],
)
def test_a_wrong_value_of_the_engines_keys_is_a_problem(folder: EvalFolder, entry: str, problem: str) -> None:
    assert folder.problems_of(f"{CASE}providers:\n  a: {{{entry}}}\n") == [f"a.eval.yaml:3: providers.a{problem}"]
