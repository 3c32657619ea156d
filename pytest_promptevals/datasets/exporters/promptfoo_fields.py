"""Keys of eval files and cases, and what becomes of them in a config of promptfoo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_promptevals.datasets.exporters.promptfoo_judges import LOST, TAKEN

_NAMED: Final = "left out, and named"
_KEYS: Final[Mapping[str, str]] = {
    "description": "`description`",
    "prompt": "`prompts`, with the text of files in it; chats are JSON. Without one `{{ input }}`. Functions, and what "
    "Nunjucks has not of Jinja2, are named",
    "model": "`providers`; those that promptfoo cannot call are left out, and named",
    "parameters": "`config` of each provider",
    "trials": "`evaluateOptions.repeat`",
    "reducer": _NAMED,
    "threshold": "`threshold`, where no judge has to pass for itself; else left out, and named",
    "timeout": "`evaluateOptions.timeoutMs`",
    "judges": "`assert`, see below; those that all tests begin with stand in `defaultTest`",
    "judge_model": "`defaultTest.options.provider`",
    "gate": _NAMED,
    "case_policy": _NAMED,
    "few_shot": "messages of the prompts",
    "providers": "`apiBaseUrl`, `apiKeyEnvar`, `organization` and `headers` of the providers; other options are named",
    "prices": _NAMED,
    "tags": "as `cases.tags`",
    "cases": "`tests`, those of further files among them",
    "cases.id": "`description`; ids that the content gives are left out",
    "cases.input": "the variable `input`",
    "cases.vars": "`vars`; a list of texts with `disableVarExpansion`. Texts that promptfoo reads otherwise are named",
    "cases.expected": "the variable `expected`, which assertions name",
    "cases.output": "`providerOutput`; all but its text is named, and an empty one",
    "cases.context": "the variable `context`",
    "cases.tags": "`metadata.tags`, for `--filter-metadata`",
    "cases.judges": "`assert`, see below",
    "cases.weight": _NAMED,
    "cases.priority": _NAMED,
    "cases.group": _NAMED,
    "cases.trials": "`options.repeat`",
    "cases.skip": "the case is left out, and named",
    "cases.xfail": _NAMED,
    "cases.metadata": "`metadata`",
    "judge threshold": "`threshold`",
    "judge weight": "`weight`; a judge without weight that must pass is a set of its own",
    "judge required": "`threshold` of the test where the mean score can say it, else a set that always passes",
    "judge name": "`metric`",
    "not": "`not-`; of a group, the opposite group of opposites",
    "all_of": "`assert-set`; one of several groups is several sets",
    "any_of": "`assert-set` with a `threshold`, and weights where it needs them; what no mean score can say is left "
    "out, and named",
}
FIELDS: Final[Mapping[str, str]] = {
    **_KEYS,
    **{f"judge {name}": fate for name, fate in TAKEN.items()},
    **{f"judge {name}": f"left out, and named: {fate}" for name, fate in LOST.items()},
}
"""Keys and judges -> what becomes of them."""
