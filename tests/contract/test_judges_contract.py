"""What every judge must do, built in or not.

To put a judge of your own under the contract, add a ``Sample`` of it to ``SAMPLES``.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import math
import re
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol, cast

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, Field

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.hookspecs import Ask, Judge, JudgeInput
from pytest_promptevals.judges.build import JudgeParameterError, build_judge
from pytest_promptevals.judges.describe import describe_judge
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.codec import decode, encode, from_plain
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import Response, ToolCall
from pytest_promptevals.records.results import Grade
from tests.support import fake_models
from tests.unit.judges.grading import JUDGES, WHERE, ask_of, make_subject, run_judge

MEGABYTE: Final = 1_000_000
LONGEST_EXPLANATION: Final = 4_000
CHECKS: Final = 1_000
LONGEST_CHECK: Final = 0.0005
"""Seconds of processor time, some hundred times what it takes: 100,000 cases are checked before the first one runs."""


class CheckCase(Protocol):
    """A judge with the method that it need not have."""

    def check_case(self, case: Case) -> None: ...


class LoudParameters(BaseModel):
    """Parameters of ``loud``."""

    model_config = ConfigDict(extra="forbid")

    marks: int = Field(default=1, description="How many exclamation marks are wanted.")


class LoudJudge:
    """The output ends with exclamation marks.

    A judge as a third party writes it, from nothing but the protocol.

    ```yaml
    judges:
      - loud: {marks: 2}
    cases:
      - input: Say hello.
        output: Hello!!
    ```
    """

    name: ClassVar[str] = "loud"
    level: ClassVar[int] = 1
    default_threshold: ClassVar[float] = 0.5
    shorthand: ClassVar[str | None] = "marks"
    Parameters: ClassVar[type[BaseModel]] = LoudParameters

    def __init__(self, parameters: BaseModel) -> None:
        self._marks: int = cast("LoudParameters", parameters).marks

    async def judge(self, subject: JudgeInput, ask: Ask) -> Grade:
        del ask
        text = subject.response.text
        marks = len(text) - len(text.rstrip("!"))
        value = min(1.0, marks / self._marks)
        return Grade(value, "" if value == 1 else f"{marks} exclamation marks, {self._marks} wanted")


@dataclasses.dataclass(frozen=True)
class Sample:
    """A judge with an output that passes and one that does not."""

    judge_type: type[Judge]
    passing: Response
    failing: Response
    argument: Json = None
    parameters: Mapping[str, Json] = dataclasses.field(default_factory=dict)
    expected: Json = None
    """What may stand in the case in place of ``argument``; ``None`` for a judge that never looks there."""
    before: str | None = None
    """The baseline's output."""

    def build(self) -> Judge:
        return build_judge(self.judge_type, self.argument, self.parameters)

    def build_bare(self) -> Judge:
        """Build the judge without its value."""
        bare = {"model": self.parameters["model"]} if self.judge_type.level > 1 else {}
        return build_judge(self.judge_type, None, bare)

    def grade(self, response: Response) -> Grade:
        return run_judge(self.build(), self.subject(response))

    def subject(self, response: Response, expected: Json = None, **case: Any) -> JudgeInput:
        return dataclasses.replace(make_subject(response, expected, **case), before=self.before)


def text_sample(name: str, passing: str, failing: str, argument: Json = None, **options: Any) -> Sample:
    return Sample(JUDGES[name], Response(passing), Response(failing), argument, **options)


CALL: Final = ToolCall("find_order", {"id": "A-17"})
SAMPLES: Final = (
    text_sample("exact", "Paris", "Lyon", "Paris", expected="Paris"),
    text_sample("iexact", "PARIS", "Lyon", "Paris", expected="Paris"),
    text_sample("contains", "It is Paris.", "It is Lyon.", "Paris", expected="Paris"),
    text_sample("icontains", "It is PARIS.", "It is Lyon.", "Paris", expected="Paris"),
    text_sample("contains_any", "It is Paris.", "It is Lyon.", ["Paris", "Rome"], expected=["Paris", "Rome"]),
    text_sample("contains_all", "Paris and Rome", "Paris", ["Paris", "Rome"], expected=["Paris", "Rome"]),
    text_sample("starts_with", "Dear Ada", "Ada", "Dear", expected="Dear"),
    text_sample("ends_with", "Dear Ada", "Ada, dear", "Ada", expected="Ada"),
    text_sample("regex", "Order A-17", "No order", r"[A-Z]-\d+", expected=r"[A-Z]-\d+"),
    text_sample("word_count", "two words", "one", parameters={"min": 2}),
    text_sample("length", "short", "not so short", parameters={"max": 5}),
    text_sample("numeric", "It is 42.", "It is 43.", 42, expected=42),
    text_sample("fuzzy", "On its way.", "No idea at all", "On its way!", expected="On its way!"),
    text_sample("levenshtein", "On its way.", "No idea at all", "On its way!", expected="On its way!"),
    text_sample("semantic", "Today it is sunny.", "No idea at all", "It is sunny.", expected="It is sunny."),
    text_sample("embedding", "Today it is sunny.", "No idea at all", expected="It is sunny.",
                parameters={"value": "It is sunny.", "model": "scripted/vectors"}),
    text_sample("cross_encoder", "Today it is sunny.", "No idea at all", "It is sunny.", expected="It is sunny."),
    text_sample("rouge", "Today it is sunny.", "No idea at all", "It is sunny.", expected="It is sunny."),
    text_sample("bleu", "Yes, it is sunny.", "No idea at all", "it is sunny.", expected="it is sunny."),
    text_sample("chrf", "Today it is sunny.", "No idea at all", "It is sunny.", expected="It is sunny."),
    text_sample("meteor", "Today it is sunny.", "No idea at all", "It is sunny.", expected="It is sunny."),
    text_sample("json_valid", '{"a": 1}', "{'a': 1}"),
    text_sample("json_valid", 'Here: {"a": 1}', "Here: {", parameters={"extract": True}),
    text_sample("json_schema", '{"a": 1}', "[1]", parameters={"schema": {"type": "object"}}),
    text_sample("json_equal", '{"a": 1}', '{"a": 2}', parameters={"value": {"a": 1}}, expected={"a": 1}),
    text_sample("json_subset", '{"a": 1, "b": 2}', '{"b": 2}', parameters={"value": {"a": 1}}, expected={"a": 1}),
    text_sample("refusal", "I'm sorry, but I can't help with that.", "Sure!"),
    text_sample("python", "brief", "not so brief", "tests.contract.judged_functions:is_brief",
                parameters={"arguments": {"limit": 1}}),
    text_sample("rubric", "Your order is on its way.", "No idea.", parameters={"criteria": "The answer helps.",
                                                                               "model": "scripted/judge"}),
    *[
        text_sample(name, "Your order is on its way.", "No idea.", parameters={"model": "scripted/judge", **parameters})
        for name, parameters in (
            ("g_eval", {"criteria": "The answer helps."}),
            ("closed_qa", {"criteria": "The answer helps."}),
            ("classify", {"question": "Does it help?", "choices": {"no": 0, "yes": 1}}),
            ("json_rubric", {}),
            ("conversation", {"criteria": "The answers help."}),
        )
    ],
    text_sample("factuality", "It is on its way.", "No idea.", "On its way.", parameters={"model": "scripted/judge"},
                expected="On its way."),
    text_sample("pairwise", "It is on its way, and comes on Friday.", "No idea.", before="It comes on Friday.",
                parameters={"model": "scripted/judge"}),
    Sample(JUDGES["tool_calls"], Response("", (CALL,)), Response("", (CALL,) * 2), "find_order", expected="find_order"),
    Sample(JUDGES["finish_reason"], Response("", finish_reason="stop"), Response("", finish_reason="length"), "stop"),
    Sample(JUDGES["latency"], Response("", latency=0.5), Response("", latency=1.5), 1),
    Sample(JUDGES["cost"], Response("", cost=0.5), Response("", cost=1.5), 1),
    Sample(cast("type[Judge]", LoudJudge), Response("Hello!"), Response("Hello."), 1),
)  # fmt: skip

ODD_OUTPUTS: Final = {
    "nothing": "",
    "white space": " \n\t\u2003",
    "many scripts": "Ünïcödé Ωμέγα 漢字 עברית العربية",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈",
    "accents": "e" + "\u0301" * 1000,
    "half a surrogate pair": "a \ud83d b",
    "control characters": "\x00\x1b[31m\u202e\r\n",
    "template marks": "{{ name }} {% raw %}",
    "one long word": "a" * MEGABYTE,
    "many words": "ab " * (MEGABYTE // 3),
    "many lines": "\n" * MEGABYTE,
    "many brackets": "[" * MEGABYTE,
    "many fences": "```json\n" * (MEGABYTE // 8),
    "many numbers": "1,234 " * (MEGABYTE // 6),
    "many keys": "{" + ",".join(f'"k{number}":{number}' for number in range(MEGABYTE // 14)) + "}",
}

ODD_EXPECTED: Final[Mapping[str, Json]] = {
    "nothing": None,
    "a text": "Paris",
    "an empty text": "",
    "white space": " \n",
    "an open bracket": "(",
    "an endless pattern": "(a+)+$",
    "a look-ahead": "(?!Paris)",
    "JSON as text": '{"a": 1}',
    "a number": 42,
    "a number as text": "about 42 kg",
    "a boolean": True,
    "an empty list": [],
    "texts": ["Paris", "Rome"],
    "texts with an empty one": ["Paris", ""],
    "numbers": [1, 2.5],
    "a list with null": [None],
    "an object": {"a": 1},
    "an empty object": {},
    "a call": {"name": "find_order", "arguments": {"id": "A-17"}},
    "calls": ["find_order", {"name": "find_order"}],
    "a call with a wrong key": {"name": "find_order", "argument": {}},
}
ODD_RESPONSES: Final = ("", "{", '{"a": 1}', "It is 42.")

every_judge = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.judge_type.name)
every_output = pytest.mark.parametrize("text", ODD_OUTPUTS.values(), ids=list(ODD_OUTPUTS))

every_expected = pytest.mark.parametrize("expected", ODD_EXPECTED.values(), ids=list(ODD_EXPECTED))


@pytest.fixture(scope="module", autouse=True)
def models_that_load_in_no_time(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        fake_models.install(patch, tmp_path_factory.mktemp("models"))
        yield


def test_every_built_in_judge_is_under_the_contract() -> None:
    assert {sample.judge_type.name for sample in SAMPLES} >= set(JUDGES)


@every_judge
def test_a_judge_follows_the_protocol(sample: Sample) -> None:
    judge_type = sample.judge_type
    assert isinstance(sample.build(), Judge)
    assert re.fullmatch(r"[a-z][a-z0-9_]*", judge_type.name)
    assert judge_type.level in (1, 2, 3)
    assert 0.0 <= judge_type.default_threshold <= 1.0


@every_judge
def test_a_good_output_passes(sample: Sample) -> None:
    assert sample.grade(sample.passing).value >= sample.judge_type.default_threshold


@every_judge
def test_a_bad_output_fails_and_the_judge_says_why(sample: Sample) -> None:
    grade = sample.grade(sample.failing)
    assert grade.value < sample.judge_type.default_threshold
    assert 0 < len(grade.explanation) < LONGEST_EXPLANATION


@pytest.mark.timeout(60)
@every_judge
@every_output
def test_any_output_gets_a_grade_that_can_be_stored(sample: Sample, text: str) -> None:
    grade = sample.grade(dataclasses.replace(sample.failing, text=text))
    assert math.isfinite(grade.value)
    assert 0.0 <= grade.value <= 1.0
    assert grade.value == 1.0 or grade.explanation
    assert len(grade.explanation) < LONGEST_EXPLANATION
    assert decode(Grade, encode(grade).encode("utf-8").decode("utf-8")) == grade


@every_judge
def test_equal_judges_give_equal_outputs_equal_grades(sample: Sample) -> None:
    judge = sample.build()
    first = run_judge(judge, sample.subject(sample.failing))
    assert run_judge(judge, sample.subject(sample.failing)) == first
    assert sample.grade(sample.failing) == first


@every_judge
def test_a_judge_keeps_its_cases_apart(sample: Sample) -> None:
    judge = sample.build()
    subjects = [sample.subject(response) for response in (sample.passing, sample.failing) * 5]

    async def judge_all() -> list[Grade]:
        return await asyncio.gather(*(judge.judge(subject, ask_of(judge)) for subject in subjects))

    assert asyncio.run(judge_all()) == [run_judge(judge, subject) for subject in subjects]


@every_judge
def test_a_judge_leaves_the_case_and_the_response_alone(sample: Sample) -> None:
    subject = sample.subject(sample.passing, {"a": [1]}, input=["b"], vars={"c": {"d": 2}}, metadata={"e": [3]})
    before = encode(subject.case), encode(subject.response)
    run_judge(sample.build(), subject)
    assert (encode(subject.case), encode(subject.response)) == before


@pytest.mark.parametrize(
    "sample",
    [sample for sample in SAMPLES if sample.expected is not None],
    ids=lambda sample: sample.judge_type.name,
)
def test_expected_stands_in_for_the_value(sample: Sample) -> None:
    judge = sample.build_bare()
    assert run_judge(judge, sample.subject(sample.passing, sample.expected)) == sample.grade(sample.passing)
    with pytest.raises(JudgeError, match=f"^{re.escape(WHERE)}: .* add `expected` to the case$"):
        run_judge(judge, make_subject(sample.passing))


@every_judge
@every_expected
def test_a_case_is_refused_exactly_when_no_response_to_it_gets_a_grade(sample: Sample, expected: Json) -> None:
    responses = [sample.passing, sample.failing, *(dataclasses.replace(sample.failing, text=t) for t in ODD_RESPONSES)]
    for judge in _with_and_without_value(sample):
        problem = _problem_of_case(judge, expected)
        assert [_problem_of_grade(judge, response, expected) for response in responses] == [problem] * len(responses)


@every_judge
def test_a_case_without_expected_is_refused_by_those_who_need_it(sample: Sample) -> None:
    assert _problem_of_case(sample.build(), None) is None
    if sample.expected is not None:
        bare = sample.build_bare()
        assert _problem_of_case(bare, sample.expected) is None
        assert _problem_of_case(bare, None) == (
            f"{WHERE}: judge {sample.judge_type.name!r} has nothing to compare with; "
            "give a value or add `expected` to the case"
        )


@pytest.mark.parametrize(
    "sample",
    [sample for sample in SAMPLES if sample.expected is not None],
    ids=lambda sample: sample.judge_type.name,
)
def test_a_case_is_checked_quickly(sample: Sample) -> None:
    check_case = cast("CheckCase", sample.build_bare()).check_case
    case = make_subject("", sample.expected).case
    start = time.process_time()
    for _ in range(CHECKS):
        check_case(case)
    assert (time.process_time() - start) / CHECKS < LONGEST_CHECK


@every_judge
def test_an_unknown_parameter_is_refused(sample: Sample) -> None:
    with pytest.raises(JudgeParameterError) as caught:
        build_judge(sample.judge_type, sample.argument, {**sample.parameters, "no_such_parameter": 1})
    assert [field for field, _ in caught.value.problems] == ["no_such_parameter"]


@every_judge
def test_every_parameter_is_described(sample: Sample) -> None:
    schema: Any = describe_judge(sample.judge_type).parameters
    Draft202012Validator.check_schema(schema)
    for part in [schema, *schema.get("$defs", {}).values()]:
        for name, parameter in part.get("properties", {}).items():
            assert parameter.get("description", "").endswith("."), name


@every_judge
def test_the_shorthand_is_a_parameter(sample: Sample) -> None:
    description = describe_judge(sample.judge_type)
    parameters: Any = description.parameters
    assert description.shorthand is None or description.shorthand in parameters["properties"]


@every_judge
def test_the_docstring_begins_with_one_sentence(sample: Sample) -> None:
    description = describe_judge(sample.judge_type)
    assert re.fullmatch(r"[A-Z][^.]+\.|[A-Z].*'s[^.]+\.", description.summary)
    assert description.details


@every_judge
def test_the_example_of_the_docstring_passes(sample: Sample, tmp_path: Path, own_modules: None) -> None:
    example = yaml.safe_load(_block("yaml", sample.judge_type))
    if source := _block("python", sample.judge_type):
        name = source.splitlines()[0].removeprefix("# ")
        (tmp_path / name).write_text(source, encoding="utf-8")
    assert any(name == sample.judge_type.name for entry in example["judges"] for name, *_ in [_read_entry(entry)])
    for case in example["cases"]:
        output = case["output"] if isinstance(case["output"], dict) else {"text": case["output"]}
        response = from_plain(Response, {"text": "", **output})
        subject = make_subject(response, case.get("expected"), (tmp_path,), input=case["input"])
        for entry in example["judges"]:
            assert _passes_entry(entry, sample.judge_type, subject), entry


@pytest.fixture
def own_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget what an example imports."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = set(sys.modules)
    yield
    for name in set(sys.modules) - known:
        if name == "checks":
            del sys.modules[name]


def _with_and_without_value(sample: Sample) -> list[Judge]:
    return [sample.build()] if sample.expected is None else [sample.build(), sample.build_bare()]


def _problem_of_case(judge: Judge, expected: Json) -> str | None:
    check_case = getattr(judge, "check_case", None)
    if check_case is None:
        return None
    try:
        check_case(make_subject("", expected).case)
    except JudgeError as error:
        return str(error)
    return None


def _problem_of_grade(judge: Judge, response: Response, expected: Json) -> str | None:
    try:
        run_judge(judge, make_subject(response, expected))
    except JudgeError as error:
        return str(error)
    return None


def _block(language: str, judge_type: type[Judge]) -> str:
    found = re.search(rf"```{language}\n(.*?)```", inspect.getdoc(judge_type) or "", re.DOTALL)
    return found.group(1) if found else ""


def _read_entry(entry: Any) -> tuple[str, Any, bool]:
    if isinstance(entry, str):
        return entry, None, False
    ((name, value),) = entry.items()
    if name == "not":
        return (*_read_entry(value)[:2], True)
    return name, value, False


def _passes_entry(entry: Any, judge_type: type[Judge], subject: JudgeInput) -> bool:
    name, value, negated = _read_entry(entry)
    assert name == judge_type.name
    given = value if isinstance(value, dict) else {}
    threshold = given.get("threshold", judge_type.default_threshold)
    parameters = {key: item for key, item in given.items() if key not in ("threshold", "weight", "required", "name")}
    judge = build_judge(judge_type, None if isinstance(value, dict) else value, parameters)
    return (run_judge(judge, subject).value >= threshold) is not negated
