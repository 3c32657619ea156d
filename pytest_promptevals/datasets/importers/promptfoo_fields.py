"""Fields of promptfoo's files, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_promptevals.datasets.importers.promptfoo_types import LOST, TAKEN

LOST_KEYS: Final[Mapping[str, str]] = {
    "tags": "a run of promptfoo has tags, here cases do; left out",
    "outputPath": "reports are made by options of pytest; left out",
    "sharing": "results stay on this machine; left out",
    "nunjucksFilters": "templates have Jinja2's filters alone; left out",
    "derivedMetrics": "metrics are not computed from others; left out",
    "extensions": "scripts are not run; left out. Hooks and fixtures of pytest do as much",
    "metadata": "only cases have metadata; left out",
    "redteam": "nothing generates attacks here; left out. Cases that promptfoo generated can be imported",
    "writeLatestResults": "every run is kept in the history; left out",
    "tracing": "there are no spans here; left out",
}
"""Keys of a config without an equivalent -> why."""
_NAMED: Final = "left out, and named"
_KEYS: Final[Mapping[str, str]] = {
    "description": "`description`",
    "prompts": "`prompt`: texts, chats in JSON or YAML, files, patterns. Those of scripts or services are left out, "
    "and named",
    "prompts.raw": "the prompt",
    "prompts.id": "the prompt, where there is no `raw`; else left out, and named",
    "prompts.label": "left out, and named: a prompt is called by its file or number",
    "providers": "`model`; `targets` is the same, and counts where both are there. OpenAI, Anthropic, Ollama, "
    "OpenRouter, Groq, DeepSeek, Mistral, xAI, Together and echo; others are left out, and named",
    "providers.id": "`model`",
    "providers.config": "`parameters`, and the address under `providers`; keys never, which is named",
    "providers.label": _NAMED,
    "providers.prompts": _NAMED,
    "providers.transform": _NAMED,
    "providers.delay": _NAMED,
    "providers.env": _NAMED,
    "env": "put where templates name it, as `env.NAME` or in brackets; the rest is left out, and named. The "
    "environment itself is not read",
    "defaultTest": "part of every case; assertions that all cases begin with are `judges` of the file",
    "tests": "`cases`; files of YAML, JSON, JSON Lines and CSV are read, scripts and services are left out, and named",
    "scenarios": "a case for each `config` and each of `tests`",
    "scenarios.description": _NAMED,
    "scenarios.config": "merged into each of `tests`",
    "scenarios.tests": "cases",
    "evaluateOptions.repeat": "`trials`; so is that of `commandLineOptions`",
    "evaluateOptions.timeoutMs": "`timeout`, in seconds",
    "evaluateOptions": "others are left out, and named",
    "commandLineOptions": "others are left out, and named",
    **dict.fromkeys(LOST_KEYS, _NAMED),
    "tests.description": "`id`; named where pytest cannot show it as it is. Equal ones get a number",
    "tests.vars": "`vars`; a list of texts makes a case of each, `file://` is read, templates in them are "
    "filled in. `input` and `expected` are keys of "
    "the case",
    "tests.assert": "`judges`, see below",
    "tests.threshold": "`threshold` of the file where all tests share it, else that of a judge or a group; named where "
    "that cannot say it, or no score reaches it",
    "tests.options.prefix": "part of the prompt",
    "tests.options.suffix": "part of the prompt",
    "tests.options.provider": "`model` of judges, or `judge_model`",
    "tests.path": "the file of tests; `config` beside it is left out, and named",
    "tests.options.rubricPrompt": "the judge is asked in our words, which is named",
    "tests.options.factuality": "`scores` of `factuality`",
    "tests.options.repeat": "`trials`",
    "tests.options.disableVarExpansion": "followed: lists stay lists",
    "tests.options.disableDefaultAsserts": "followed",
    "tests.options.transform": "left out, and named; so are `postprocess`, `transformVars` and `storeOutputAs`",
    "tests.options.disableConversationVar": _NAMED,
    "tests.options.runSerially": _NAMED,
    "tests.metadata": "`metadata`; a variable of the same name that nothing names is left out, and named",
    "tests.providerOutput": "`output`; assertions on latency, cost and finish reason are left out then, and named",
    "tests.provider": _NAMED,
    "tests.providers": _NAMED,
    "tests.prompts": _NAMED,
    "tests.assertScoringFunction": _NAMED,
    "assert.type": "the judge, see below; `not-` is `not:`",
    "assert.value": "what it takes; `file://` is read",
    "assert.threshold": "what it takes",
    "assert.weight": "`weight`; with 0 it fails no case. Where no assertion has weight, `not: refusal` stands in for a "
    "score; it is not required",
    "assert.metric": "`name`; a number is added where a case has it twice",
    "assert.provider": "`model`",
    "assert.rubricPrompt": "the judge is asked in our words, which is named",
    "assert.transform": "the assertion is left out, and named; so it is with `contextTransform`",
    "assert.config": _NAMED,
    "assert-set": "`all_of`; with a `threshold` `any_of`, of groups where several must pass; named for many assertions",
    "CSV: __expected": "`judges`; also with a number behind it",
    "CSV: __prefix": "part of the prompt; so is `__suffix`",
    "CSV: __description": "as `tests.description`",
    "CSV: __providerOutput": "`output`",
    "CSV: __metric": "`name` of the judges",
    "CSV: __threshold": "as `tests.threshold`",
    "CSV: __metadata:KEY": "`metadata`; with [] behind it a list",
    "CSV: __config:__expectedN:threshold": "the threshold of that assertion",
    "CSV: others": "`vars`",
}
FIELDS: Final[Mapping[str, str]] = {
    **_KEYS,
    **{f"type {kind}": fate for kind, fate in TAKEN.items()},
    **{f"type {kind}": f"left out, and named: {fate}" for kind, fate in LOST.items()},
}
"""Keys, columns and types of assertions -> what becomes of them."""
