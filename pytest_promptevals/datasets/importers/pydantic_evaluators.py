"""Evaluators of pydantic-evals as judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pydantic import TypeAdapter, ValidationError

from pytest_promptevals.datasets.importers.counting import CountedLosses
from pytest_promptevals.datasets.importers.drafting import as_sentence, literal, literal_data
from pytest_promptevals.datasets.importers.foreign import Fields, Losses
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.records.json_types import Json

EVALUATORS: Final[Mapping[str, str]] = {
    "EqualsExpected": "`exact` with `strip: false` for texts, `json_equal` for other data; nothing where a case has no "
    "`expected`",
    "EqualsExpected.evaluation_name": "`name` of the judge, as for all evaluators",
    "Equals.value": "`exact` or `json_equal`, likewise",
    "Contains.value": "`contains` for a text, `json_subset` for a mapping; others are left out, and named",
    "Contains.case_sensitive": "`icontains` if it is false",
    "Contains.as_strings": "the value as a text",
    "IsInstance.type_name": "`json_schema` for Python's own types; classes are left out, and named",
    "MaxDuration.seconds": "`latency`: the time of the model's call, not that of a whole task",
    "LLMJudge.rubric": "`closed_qa`, which says yes or no",
    "LLMJudge.model": "`model`, for OpenAI and Anthropic; others are left out, and named",
    "LLMJudge.include_input": "always so here, which is named",
    "LLMJudge.include_expected_output": "always so here where a case has `expected`, which is named",
    "LLMJudge.model_settings": "`parameters` of the judge",
    "LLMJudge.score": "`rubric`, not required: it counts, but fails no case",
    "LLMJudge.assertion": "`closed_qa`, unless it is false; `evaluation_name` in it is the judge's `name`",
    "GEval.criteria": "`g_eval`, not required: it counts, but fails no case",
    "GEval.evaluation_steps": "`steps`",
    "GEval.score_range": "another one than 1 to 5 is left out, and named",
    "GEval.include_input": "as of `LLMJudge`",
    "GEval.model": "as of `LLMJudge`",
    "GEval.model_settings": "as of `LLMJudge`",
    "ToolCorrectness.expected_tools": "`tool_calls` in any order: those of the model's answer, not of a whole agent",
    "ToolCorrectness.allow_extra": "`extra_calls`",
    "ToolCorrectness.include_failed": "left out, and named",
    "TrajectoryMatch.expected_trajectory": "`tool_calls`, likewise, where `order` is `exact`",
    "TrajectoryMatch.order": "others than `exact` are left out, and named",
    "TrajectoryMatch.include_failed": "left out, and named",
    "ArgumentCorrectness.tool_name": "`tool_calls` with `extra_calls`: one of the calls has to be so",
    "ArgumentCorrectness.expected_arguments": "the arguments of that call",
    "ArgumentCorrectness.match_mode": "`arguments`",
    "ArgumentCorrectness.occurrence": "left out, and named",
    "ArgumentCorrectness.include_failed": "left out, and named",
    "MaxToolCalls": "left out, and named",
    "MaxModelRequests": "left out, and named",
    "HasMatchingSpan": "left out, and named",
    "Python": "left out, and named, as all evaluators of your own are",
}
"""Evaluators with their arguments, and what becomes of them."""
_FIRST: Final = {name.partition(".")[0]: name.partition(".")[2] for name in reversed(list(EVALUATORS)) if "." in name}
"""Evaluator -> the argument that it takes without a name: the first one."""
_COMPARING: Final = "EqualsExpected"
_TYPES: Final[Mapping[str, Json]] = {
    "int": ["integer", "boolean"],
    "float": "number",
    "bool": "boolean",
    "list": "array",
    "dict": "object",
    "NoneType": "null",
}
_PROVIDERS: Final = {
    "openai": "openai",
    "openai-chat": "openai",
    "openai-responses": "openai-responses",
    "anthropic": "anthropic",
}
_PARAMETERS: Final = ("temperature", "max_tokens", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty")
_OWN: Final = "is none of pydantic-evals' own evaluators; left out. Write it as a function for the judge 'python'"
_LOST: Final = {
    "HasMatchingSpan": "there are no spans here; left out. 'tool_calls' judges which tools a model called",
    "MaxToolCalls": "each case is a single call of a model, so nothing is counted; left out",
    "MaxModelRequests": "each case is a single call of a model, so nothing is counted; left out",
    "Python": "expressions are not evaluated; left out. Write it as a function for the judge 'python'",
}
_SEES_MORE: Final = (
    "the judge model is always shown the question and, where a case has it, 'expected', whatever include_input and "
    "include_expected_output say"
)
_DURATION: Final = TypeAdapter(timedelta)


@dataclass(frozen=True, slots=True)
class Evaluator:
    """An evaluator as it is written."""

    name: str
    """Name of its class."""
    arguments: Mapping[str, Json]
    """What it is given."""
    source: Source
    """Where the arguments stand."""

    @property
    def compares_expected(self) -> bool:
        """Whether it looks at ``expected`` of the case."""
        return self.name == _COMPARING


def read_evaluator(written: Json, source: Source, losses: Losses) -> Evaluator | None:
    """Return an evaluator in any of its forms: a name, a name and arguments, or ``name`` and ``arguments``."""
    if isinstance(written, str):
        return Evaluator(written, {}, source)
    if isinstance(written, dict) and written.keys() == {"name", "arguments"}:
        name, arguments, place = str(written["name"]), written["arguments"], source.part("arguments")
        given = arguments[0] if isinstance(arguments, list) and len(arguments) == 1 else arguments
        is_plain = isinstance(arguments, dict)
    elif isinstance(written, dict) and len(written) == 1:
        ((name, given),) = written.items()
        place, is_plain = source.part(name), isinstance(given, dict)
    else:
        losses.add(source, "is no evaluator: neither a name nor a mapping with one key; left out")
        return None
    if is_plain and isinstance(given, dict):
        return Evaluator(name, given, place)
    return Evaluator(name, {} if given is None else {_FIRST.get(name, "argument"): given}, place)


def equal_judge(expected: Json) -> Json:
    """Return the judge that asks for just that; ``None`` where there is nothing to compare with."""
    if expected is None:
        return None
    if isinstance(expected, str):
        return {"exact": {"strip": False}}
    # An empty list or mapping is no 'expected' of a case.
    return "json_equal" if expected not in ([], {}) else {"json_equal": {"value": expected}}


class Evaluators:
    """Makes judges of evaluators.

    Args:
        losses: takes what has no equivalent.
    """

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self.counted = CountedLosses(losses)
        """Takes what holds for many evaluators."""
        self.needs_model = False
        """Whether a judge asks a model, and does not say which."""
        self._makers: Mapping[str, Callable[[Fields], list[Json]]] = {
            "Equals": self._equals,
            "Contains": self._contains,
            "IsInstance": self._is_instance,
            "MaxDuration": self._max_duration,
            "LLMJudge": self._llm_judge,
            "GEval": self._g_eval,
            "ToolCorrectness": self._tool_correctness,
            "TrajectoryMatch": self._trajectory,
            "ArgumentCorrectness": self._arguments,
        }

    def judges_of(self, evaluator: Evaluator, expected: Json = None) -> list[Json]:
        """Return the judges that do what an evaluator does; none where that is lost.

        Args:
            evaluator: as it is written.
            expected: of the case that it is for.
        """
        maker = self._makers.get(evaluator.name)
        if maker is None and not evaluator.compares_expected:
            self._losses.add(evaluator.source, _LOST.get(evaluator.name, f"{evaluator.name!r} {_OWN}"))
            return []
        with Fields(evaluator.arguments, evaluator.source, self._losses) as fields:
            name = fields.take_text("evaluation_name")
            found = [equal_judge(expected)] if maker is None else maker(fields)
            if not found:
                fields.rest()
        return [_named(judge, name) for judge in found if judge is not None]

    def _equals(self, fields: Fields) -> list[Json]:
        if "value" not in fields:
            return self._lose(fields, "names no value to compare with; left out")
        value = fields.take("value")
        if isinstance(value, str):
            return [{"exact": {"value": literal(value), "strip": False}}]
        return [{"json_equal": {"value": literal_data(value)}}]

    def _contains(self, fields: Fields) -> list[Json]:
        value, as_strings = fields.take("value"), fields.take("as_strings")
        ignores_case = fields.take("case_sensitive") is False
        if isinstance(value, dict) and value and not as_strings:
            if any(isinstance(item, dict | list) for item in value.values()):
                self._losses.add(fields.source, "mappings and lists inside of the value may hold more here", "value")
            return [{"json_subset": {"value": literal_data(value)}}]
        if not isinstance(value, str) and not as_strings:
            return self._lose(
                fields, "asks for an item of a list or a key of a mapping; left out. 'json_schema' may do"
            )
        if str(value) == "":
            return self._lose(fields, "asks for an empty text, which every output holds; left out")
        return [{"icontains" if ignores_case else "contains": literal(str(value))}]

    def _is_instance(self, fields: Fields) -> list[Json]:
        name = fields.take_text("type_name")
        if name in _TYPES:
            return [{"json_schema": {"schema": {"type": _TYPES[name]}}}]
        if name in ("str", "object"):
            return self._lose(fields, f"every output is a text, so it is a {name}; left out")
        return self._lose(
            fields, f"outputs are texts, not objects of {name!r}; left out. 'json_schema' asks for its keys"
        )

    def _max_duration(self, fields: Fields) -> list[Json]:
        value = fields.take("seconds")
        try:
            return [{"latency": _DURATION.validate_python(value).total_seconds()}]
        except ValidationError:
            return self._lose(fields, f"{value!r} is no number of seconds; left out")

    def _llm_judge(self, fields: Fields) -> list[Json]:
        rubric = fields.take_text("rubric")
        if not rubric.strip():
            return self._lose(fields, "has no rubric; left out")
        options = self._model_options(fields)
        score = fields.take("score") if "score" in fields else False
        assertion = fields.take("assertion") if "assertion" in fields else True
        self._check_shown(fields, {"include_input", "include_expected_output"})
        criteria: dict[str, Json] = {"criteria": as_sentence(rubric), **options}
        found: list[Json] = []
        if assertion is not False:
            found.append(_named({"closed_qa": criteria}, _name_in(assertion)))
        if score is not False:
            found.append(_named({"rubric": {**criteria, "required": False}}, _name_in(score)))
        return found

    def _g_eval(self, fields: Fields) -> list[Json]:
        criteria, steps = fields.take_text("criteria"), fields.take_list("evaluation_steps")
        if fields.take("score_range") not in (None, [1, 5]):
            self._losses.add(fields.source, "the scale is 1 to 5 here, brought to 0 to 1", "score_range")
        self._check_shown(fields, {"include_input"})
        options = self._model_options(fields)
        given: dict[str, Json] = {"criteria": literal(criteria)} if criteria else {}
        return [{"g_eval": {**given, "steps": literal_data(steps), **options, "required": False}}]

    def _tool_correctness(self, fields: Fields) -> list[Json]:
        self._lose_failed(fields)
        calls: dict[str, Json] = {"calls": literal_data(fields.take_list("expected_tools")), "in_order": False}
        return [{"tool_calls": {**calls, **({"extra_calls": True} if fields.take("allow_extra") else {})}}]

    def _trajectory(self, fields: Fields) -> list[Json]:
        self._lose_failed(fields)
        if fields.take("order") != "exact":
            return self._lose(fields, "how like two trajectories are has no equivalent; left out. See 'tool_calls'")
        return [{"tool_calls": {"calls": literal_data(fields.take_list("expected_trajectory"))}}]

    def _arguments(self, fields: Fields) -> list[Json]:
        self._lose_failed(fields)
        fields.lose("occurrence", "any of the calls may be the one; left out")
        call = {"name": fields.take("tool_name"), "arguments": fields.take("expected_arguments")}
        mode = "exact" if fields.take("match_mode") == "exact" else "subset"
        return [{"tool_calls": {"calls": [literal_data(call)], "arguments": mode, "extra_calls": True}}]

    def _lose(self, fields: Fields, message: str) -> list[Json]:
        self._losses.add(fields.source, message)
        return []

    def _lose_failed(self, fields: Fields) -> None:
        if fields.take("include_failed"):
            self._losses.add(fields.source, "calls are not run here, so none fails; left out", "include_failed")

    def _check_shown(self, fields: Fields, names: set[str]) -> None:
        shown = [fields.take(name) for name in sorted(names)]
        if not all(shown):
            self.counted.add(fields.source, _SEES_MORE)

    def _model_options(self, fields: Fields) -> dict[str, Json]:
        """Return which model a judge asks, and how."""
        model, options = fields.take_text("model"), dict[str, Json]()
        provider, _, name = model.partition(":")
        if name and provider in _PROVIDERS:
            options["model"] = f"{_PROVIDERS[provider]}/{name}"
        else:
            self.needs_model = True
        if model and "model" not in options:
            message = f"{model!r} is a model of none of the built-in providers; left out. Name one as provider/model"
            self._losses.add(fields.source, message, "model")
        with Fields(fields.take_mapping("model_settings"), fields.part("model_settings"), self._losses) as settings:
            given = {key: settings.take(key) for key in _PARAMETERS}
        parameters: Json = {key: value for key, value in given.items() if value is not None}
        return {**options, **({"parameters": parameters} if parameters else {})}


def unique_names(judges: Sequence[Json], taken: set[str]) -> list[Json]:
    """Return the judges with names that no other has, and add these names to ``taken``."""
    found: list[Json] = []
    for judge in judges:
        name = _name_of(judge)
        free, number = name, 1
        while free and free in taken:
            number += 1
            free = f"{name} {number}"
        taken.add(free)
        found.append(_named(judge, free))
    return found


def _name_of(judge: Json) -> str:
    options = next(iter(judge.values())) if isinstance(judge, dict) else None
    return str(options.get("name", "")) if isinstance(options, dict) else ""


def _name_in(config: Json) -> str:
    return str(config.get("evaluation_name") or "") if isinstance(config, dict) else ""


def _named(judge: Json, name: str) -> Json:
    """Return the judge with a name, if there is one to give."""
    if not name or judge is None:
        return judge
    ((kind, options),) = judge.items() if isinstance(judge, dict) else [(str(judge), {})]
    known = options if isinstance(options, dict) else {_SHORT[kind]: options}
    return {kind: {**known, "name": name}}


_SHORT: Final = {"contains": "value", "icontains": "value", "latency": "max"}
"""Parameter that a judge's bare value is."""
