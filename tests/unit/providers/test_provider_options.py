from __future__ import annotations

import pytest

from pytest_promptevals.errors import ProviderConfigError
from pytest_promptevals.providers.options import check_option_names, read_choice
from pytest_promptevals.records.cases import Location, ProviderConfig

CONFIG = ProviderConfig("acme", "openai", {"api": "chatt"}, Location("a.eval.yaml", 2))


def test_an_option_of_a_provider_without_options_is_refused() -> None:
    with pytest.raises(ProviderConfigError) as caught:
        check_option_names(CONFIG, ())
    assert str(caught.value) == "provider 'acme' (a.eval.yaml:2): unknown option 'api'. It has no options."


def test_a_word_that_is_none_of_the_choices_is_refused() -> None:
    with pytest.raises(ProviderConfigError) as caught:
        read_choice(CONFIG, "api", ("chat", "responses"))
    assert str(caught.value) == "provider 'acme' (a.eval.yaml:2): 'api' is 'chatt'. Did you mean 'chat'?"


def test_a_choice_that_is_not_given_is_none() -> None:
    assert read_choice(CONFIG, "other", ("chat",)) is None


def test_a_known_choice_is_returned() -> None:
    assert read_choice(CONFIG, "api", ("chatt",)) == "chatt"
