"""Responses that are in the dataset already: nothing is called."""

from __future__ import annotations

from pytest_promptevals.errors import ProviderConfigError
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.options import check_option_names
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Response


class RecordedProvider:
    """Answers with the case's own ``output``."""

    def __init__(self, context: ProviderContext) -> None:
        check_option_names(context.config, ())

    async def complete(self, request: Request) -> Response:
        """Return the recorded response. Raises ``ProviderConfigError`` if the case has none."""
        case = request.case
        if case is None:
            raise ProviderConfigError("'recorded' answers with a case's 'output' and cannot be asked anything else")
        if case.output is None:
            raise ProviderConfigError(
                f"{case.location}: case {case.id!r} has no 'output' to judge. Add it, or name a model to call."
            )
        return case.output

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""
