"""A model whose answers are written down: deterministic, free and offline, for tests and examples.

In an eval file::

    providers:
      support: {type: scripted, script: support.script.yaml}
    model: support/any-name

``script`` is a list of rules, or the name of a YAML file that holds one. The first rule that fits a prompt answers::

    - match: order (?P<order>[A-Z]-\\d+)
      unless: refund
      reply: Your order \\g<order> is on its way.
    - reply: How can I help you?

From Python, in a ``conftest.py``::

    def pytest_promptevals_providers():
        rules = [ScriptedRule(match="refund", reply="You have 14 days."), ScriptedRule(reply="Hello!")]
        return {"support": lambda context: ScriptedProvider(rules)}
"""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Final

from pytest_promptevals.errors import ProviderConfigError, ProviderError, did_you_mean
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.options import check_option_names, shown_provider
from pytest_promptevals.providers.script_files import read_script
from pytest_promptevals.providers.scripted_rules import ScriptedRule
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, Response, ToolCall, Usage
