"""Endpoints that the tests of failures speak of."""

from __future__ import annotations

from typing import Final

from pytest_promptevals.providers.endpoint import Address, Endpoint

SETTING: Final = "'base_url' of provider 'acme' (evals.yaml:4)"


def make_endpoint(
    *, key: str | None = "sk-secret-key", url: str = "http://acme.test/v1", is_official: bool = False
) -> Endpoint:
    """Return an endpoint of an API called acme."""
    return Endpoint(
        provider="provider 'acme' (evals.yaml:4)",
        address=Address(url, is_given=not is_official, is_official=is_official),
        url_setting="the environment variable ACME_URL" if is_official else SETTING,
        key=key,
        key_variable=None if key is None else "ACME_KEY",
        headers={},
        environment_headers={},
        secrets=() if key is None else (key,),
    )
