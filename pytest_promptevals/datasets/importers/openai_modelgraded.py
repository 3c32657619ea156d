"""Model-graded specifications of OpenAI's evals framework as judges."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_promptevals.datasets.importers.drafting import literal
from pytest_promptevals.datasets.importers.foreign import Fields, Losses, read_document
from pytest_promptevals.datasets.importers.openai_samples import ANY, Plan, variable_name
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.errors import DatasetError, FileProblem
from pytest_promptevals.files.paths import shown_path
from pytest_promptevals.records.json_types import Json

SPEC_FIELDS: Final[Mapping[str, str]] = {
    "SPEC.prompt": "`question` of `classify`. {ideal} and other fields of a sample are templates; what was asked and "
    "answered is only pointed at, since the judge model is shown it",
    "SPEC.choice_strings": "labels of `choices`; those that count answers (from_n) are left out, and named",
    "SPEC.choice_scores": "scores of `choices`, brought to 0 to 1; without any, nothing can be judged, which is named",
    "SPEC.input_outputs": "which field is asked, and which holds a recorded answer; several are left out, and named",
    "SPEC.eval_type": "as `eval_type` of the eval",
    "SPEC.output_template": "left out, and named",
    "SPEC.format_type": "left out, and named",
}
"""Fields of a specification, and what becomes of them."""
_NAMED: Final = {"QUESTION": "[see QUESTION]", "RESPONSE": "[see RESPONSE]"}
_LOST: Final = {
    "match_fn": "the judge model answers in a fixed form, so nothing is looked for; left out",
    "metaeval": "people's choices are not compared with the judge's here; they stand in 'metadata'",
}
_ONE_ANSWER: Final = "a case has one answer; left out"
_OURS: Final = {"fact": ("factuality", "ideal"), "closedqa": ("closed_qa", "criteria")}
"""Specifications of the framework's that a judge was made for: the judge, and the field that it needs."""
_COUNTED: Final = "from_n"
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
Rows = Sequence[tuple[Mapping[str, Json], Source]]
"""Samples with their places."""


@dataclass(frozen=True, slots=True)
class Graded:
    """What an eval says of how a model grades."""

    name: str
    """Of the specification."""
    texts: Mapping[str, str]
    """What it fills into the specification's prompt beside the samples."""
    options: Mapping[str, Json]
    """Parameters of the judge."""
    parameters: Mapping[str, Json]
    """Parameters of the call that is judged."""
    source: Source
    """Where it stands."""


def read_graded(fields: Fields, losses: Losses) -> Graded:
    """Return what the arguments of an eval say of how a model grades."""
    if fields.take("multicomp_n") not in (None, 1):
        losses.add(fields.source, _ONE_ANSWER, "multicomp_n")
    for name, message in _LOST.items():
        fields.lose(name, message)
    _check_type(fields, losses)
    given = fields.take_mapping("modelgraded_spec_args")
    texts = {key: value for key, value in given.items() if isinstance(value, str)}
    judged = _call_parameters(fields.take_mapping("eval_kwargs"))
    asked = {"temperature": 0, "max_tokens": 1024, **_call_parameters(fields.take_mapping("sample_kwargs"))}
    options: dict[str, Json] = {"parameters": judged} if judged else {}
    return Graded(fields.take_text("modelgraded_spec"), texts, options, asked, fields.source)


def plan_graded(graded: Graded, registry: Path, rows: Rows, losses: Losses) -> Plan:
    """Return how samples are judged by a model; without judges where that is lost.

    Args:
        graded: what the eval says.
        registry: its file; specifications are looked for beside it and in the folder ``modelgraded`` next to its own.
        rows: the samples.
        losses: takes what has no equivalent.
    """
    if graded.name in _OURS:
        return _plan_ours(graded, rows, losses)
    unread: list[str] = []
    found = next(_find_specs(graded.name, registry, unread), None)
    if found is None:
        why = f" (unreadable: {'; '.join(unread)})" if unread else ""
        message = f"there is no file with the specification {graded.name!r}{why}; its judge is left out"
        losses.add(graded.source, message)
        return Plan((), graded.parameters, ANY)
    with Fields(*found, losses) as fields:
        return _Spec(graded, fields, rows, losses).plan()


def _plan_ours(graded: Graded, rows: Rows, losses: Losses) -> Plan:
    """Return how samples are judged by a specification of the framework's that a judge was made for."""
    judge, needed = _OURS[graded.name]
    options = dict(graded.options)
    if needed == "criteria":
        options = {"criteria": literal(graded.texts[needed]) if needed in graded.texts else "{{ criteria }}", **options}
    judges: list[Json] = [{judge: options} if options else judge]
    if needed not in graded.texts and not _all_have(rows, needed):
        losses.add(graded.source, _missing(needed))
        judges = []
    return Plan(judges, graded.parameters, ANY, output_key="completion")


def _all_have(rows: Rows, name: str) -> bool:
    return all(row.get(name) not in (None, "", []) for row, _ in rows)


def _missing(name: str) -> str:
    return f"not all samples have {name!r}, which it names; its judge is left out"


def _call_parameters(given: Mapping[str, Json]) -> dict[str, Json]:
    more = given.get("completion_kwargs")
    plain = {key: value for key, value in given.items() if key != "completion_kwargs"}
    return {**plain, **(more if isinstance(more, dict) else {})}


def _check_type(fields: Fields, losses: Losses) -> None:
    kind = fields.take_text("eval_type")
    if kind and not kind.startswith("cot_classify"):
        losses.add(fields.source, f"{kind!r}: the judge model always gives its reasons before its choice", "eval_type")


def _find_specs(name: str, registry: Path, unread: list[str]) -> Iterator[tuple[Mapping[str, Json], Source]]:
    """Yield the specifications of that name; ``unread`` gets what is wrong with files that cannot be read."""
    folders = (registry.parent.parent / "modelgraded", registry.parent / "modelgraded")
    for path in [registry, *(file for folder in folders for file in sorted(folder.glob("*.yaml")))]:
        try:
            document, source = read_document(path, shown_path(path.absolute(), Path.cwd()))
        except (FileProblem, DatasetError) as error:  # one bad file does no harm to what stands in others
            unread.append(str(error))
            continue
        entry = document.get(name) if isinstance(document, dict) else None
        if isinstance(entry, dict) and "choice_strings" in entry:
            yield entry, source.part(name)


def _literal_before(plain: str) -> str:
    """Return a text as what stands before a tag: a brace at its end would make another mark of it."""
    return literal(plain[:-1]) + '{{ "{" }}' if plain.endswith("{") else literal(plain)


class _Spec:
    """A specification that is made a judge."""

    def __init__(self, graded: Graded, fields: Fields, rows: Rows, losses: Losses) -> None:
        self._graded = graded
        self._fields = fields
        self._rows = rows
        self._losses = losses
        self._pairs = {key: str(value) for key, value in fields.take_mapping("input_outputs").items()}

    def plan(self) -> Plan:
        """Return how samples are judged."""
        fields = self._fields
        _check_type(fields, self._losses)
        fields.lose("output_template", _ONE_ANSWER)
        prompt, choices = fields.take("prompt"), self._choices(fields)
        question = self._question(prompt) if choices and self._has_one_answer() else ""
        asked, answered = next(iter(self._pairs.items()), ("input", "completion"))
        parameters = self._graded.parameters
        if not question or not choices:
            return Plan((), parameters, ANY, asked, answered)
        judge: Json = {"classify": {"question": question, "choices": choices, **self._graded.options}}
        return Plan([judge], parameters, ANY, asked, answered)

    def _has_one_answer(self) -> bool:
        if len(self._pairs) > 1:
            self._losses.add(
                self._fields.source, "several answers are compared; its judge is left out", "input_outputs"
            )
        return len(self._pairs) <= 1

    def _choices(self, fields: Fields) -> dict[str, Json]:
        """Return the labels with their scores from 0 to 1; none if there is nothing to score by."""
        labels, scores = fields.take("choice_strings"), fields.take("choice_scores")
        place = "choice_strings" if scores is None else "choice_scores"
        if isinstance(labels, str) and labels.startswith(_COUNTED):
            self._losses.add(fields.source, "the choices count the answers, but a case has one; its judge is left out")
            return {}
        names = [str(label) for label in labels] if isinstance(labels, list | str) else []
        if scores == "from_strings":
            scores = {name: float(name) for name in names if name.replace(".", "", 1).isdigit()}
        known = scores if isinstance(scores, dict) else {}
        numbers = {name: value for name in names if isinstance(value := known.get(name), int | float)}
        if len(set(numbers.values())) <= 1 or len(numbers) < len(names):
            message = "without a score for each choice, nothing can be judged; its judge is left out"
            self._losses.add(fields.source, message, place)
            return {}
        return self._scaled(numbers)

    def _scaled(self, scores: Mapping[str, float]) -> dict[str, Json]:
        low, high = min(scores.values()), max(scores.values())
        if low >= 0 and high <= 1:
            return dict(scores)
        message = f"scores from {low:g} to {high:g} are brought to 0 to 1"
        self._losses.add(self._fields.source, message, "choice_scores")
        return {name: round((value - low) / (high - low), 4) for name, value in scores.items()}

    def _question(self, prompt: Json) -> str:
        """Return the prompt as a question of ours; empty if it cannot be one."""
        messages = prompt if isinstance(prompt, list) else [{"content": prompt}]
        contents = [message.get("content") if isinstance(message, dict) else None for message in messages]
        text = "\n\n".join(str(content) for content in contents)
        try:
            parts = list(string.Formatter().parse(text))
        except ValueError as error:
            self._losses.add(
                self._fields.source, f"is no template of Python's ({error}); its judge is left out", "prompt"
            )
            return ""
        question, plain = "", ""
        for text_before, name, _, _ in parts:
            plain += text_before
            if name is None:
                continue  # a brace that is meant as one: it may make a mark with what follows
            filled = self._fill(name)
            if not filled:
                self._losses.add(self._fields.source, _missing(name), "prompt")
                return ""
            question, plain = question + _literal_before(plain) + filled, ""
        return question + literal(plain)

    def _fill(self, name: str) -> str:
        """Return what stands in the place of a name; empty if nothing does."""
        if name in self._pairs:
            return _NAMED["QUESTION"]
        if name in self._pairs.values():
            return _NAMED["RESPONSE"]
        if name in self._graded.texts:
            return literal(self._graded.texts[name])
        if not _NAME.fullmatch(name) or not _all_have(self._rows, name):
            return ""
        return "{{ expected }}" if name == "ideal" else "{{ " + variable_name(name) + " }}"
