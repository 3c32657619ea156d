"""What prompts of promptfoo get from tests: texts before and after them, and variables that a test leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from pytest_promptevals.datasets.importers.foreign import Losses
from pytest_promptevals.datasets.importers.promptfoo_cases import Built
from pytest_promptevals.datasets.importers.promptfoo_prompts import Prompt, Written
from pytest_promptevals.datasets.importers.promptfoo_templates import Templates, prints_the_same
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.records.json_types import Json

_GLOBALS: Final = frozenset({"range", "dict", "lipsum", "cycler", "joiner", "namespace"})
_CHAT: Final = "a text before or after a prompt is only put around texts; left out for chat messages"
_MISSING: Final = "the prompt names {name!r}, which not every test has: an empty text stands there, as in promptfoo"
_PRINTED: Final = (
    "{name!r} is no text: where a prompt shows it, it is written as Python does, not as JavaScript. '| tojson' makes "
    "JSON of it"
)


class Frames:
    """Puts prompts together with what tests say of them.

    Args:
        templates: fills in and reads templates.
        built: the cases; they get variables.
        source: of the config.
        losses: takes what has no equivalent.
    """

    def __init__(self, templates: Templates, built: Sequence[Built], source: Source, losses: Losses) -> None:
        self._templates = templates
        self._built = built
        self._source = source
        self._losses = losses

    def prompts(self, prompts: Sequence[Prompt], written: Written) -> list[Any]:
        """Return the prompts as an eval file has them, each once."""
        before, after = self._frame()
        if (before or after) and any(isinstance(prompt.content, list) for prompt in prompts):
            self._losses.add(self._source, _CHAT)
        found: list[Any] = []
        for prompt in prompts:
            text = written.prompt(prompt, before, after)
            if text not in found:
                found.append(text)
        self._complete(found)
        given = [{**one.case["vars"], **one.variables, "input": one.case.get("input", "")} for one in self._built]
        return [written.runnable(content, given) for content in found]

    def _frame(self) -> tuple[str, str]:
        """Return what stands around all prompts: the same text, or a variable."""
        frames = {one.frame for one in self._built}
        if len(frames) == 1:
            return frames.pop()
        for one in self._built:
            for name, text in zip(("prefix", "suffix"), one.frame, strict=True):
                filled = self._templates.render(self._templates.convert(text, one.source), one.variables)
                one.variables[name] = one.case["vars"][name] = filled
        return ("{{ prefix }}", "{{ suffix }}") if frames else ("", "")

    def _complete(self, prompts: Sequence[Any]) -> None:
        texts = [text for prompt in prompts for text in _texts_of(prompt)]
        names = frozenset[str]().union(*map(self._templates.names, texts)) - _GLOBALS
        for name in sorted(names):
            for one in self._built:
                value = one.variables.get(name)
                if value is None:
                    self._losses.add(self._source, _MISSING.format(name=name))
                    (one.case if name == "input" else one.case["vars"])[name] = ""
                elif not prints_the_same(value):
                    self._losses.add(self._source, _PRINTED.format(name=name))


def stand_in_prompt(built: Sequence[Built], templates: Templates) -> list[Any]:
    """Return a prompt that shows the variables of cases, those that their judges name only if there are no others."""
    names = dict.fromkeys(name for one in built for name in one.variables if name != "expected")
    judged = [text for one in built for judge in one.judges for text in _texts_of(judge.written())]
    named = frozenset[str]().union(*map(templates.names, judged))
    shown = [name for name in names if name not in named] or list(names)
    if not shown:
        return []
    for one in built:
        for name in shown:
            if name not in one.variables:
                (one.case if name == "input" else one.case["vars"])[name] = ""
    if len(shown) == 1:
        return [f"{{{{ {shown[0]} }}}}"]
    return ["".join(f"{name}: {{{{ {name} }}}}\n" for name in shown)]


def _texts_of(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts_of(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts_of(part)
