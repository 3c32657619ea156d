"""What gives the answers of a provider their meaning, as a part of fingerprints."""

from __future__ import annotations

import contextlib
from pathlib import Path

from pytest_promptevals.engine.endpoint import Endpoint
from pytest_promptevals.engine.identifying import identify
from pytest_promptevals.function_sources import source_hash
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.records.fingerprints import content_hash
from pytest_promptevals.records.json_types import Json


class ProviderContents:
    """Finds out, once for each model of an eval file, what its answers come from.

    Args:
        rootdir: root of the project.
    """

    def __init__(self, rootdir: Path) -> None:
        self._rootdir = rootdir
        self._known: dict[tuple[str, str], str] = {}

    def of(self, endpoint: Endpoint, model: str) -> str:
        """Return the content hash of a provider's address, script or code; empty if nothing is known of it.

        For the ``python`` provider the user's module is imported.
        """
        key = (endpoint.config.name, model)
        if key not in self._known:
            content = self._describe(endpoint, model)
            self._known[key] = "" if content is None else content_hash(content)
        return self._known[key]

    def _describe(self, endpoint: Endpoint, model: str) -> Json:
        context = ProviderContext(endpoint.config, self._rootdir, endpoint.search_path)
        content: Json = None
        # What is wrong with a provider is said when it is called.
        with contextlib.suppress(Exception):
            ask = getattr(endpoint.factory, "describe_content", None)
            content = _describe_factory(endpoint, context) if ask is None else ask(context, model)
        return content


def _describe_factory(endpoint: Endpoint, context: ProviderContext) -> Json:
    return {
        "identity": identify(endpoint, context),
        "options": dict(endpoint.config.options),
        "source": source_hash(endpoint.factory),
    }
