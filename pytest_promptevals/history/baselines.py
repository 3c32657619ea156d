"""Committed baselines: one text file beside each eval file, one JSON line per case.

There is no header, every line carries its schema, and lines are sorted by name: so two branches that change
different cases merge without a conflict, and an unchanged case never shows up in a diff.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, cast

from pytest_promptevals.errors import BaselineError, CodecError, FileProblem
from pytest_promptevals.files.strict_json import parse_json
from pytest_promptevals.files.text import read_text, write_text_atomically
from pytest_promptevals.records.codec import SCHEMA_VERSION, from_plain, to_plain
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.results import CaseResult

FOLDER: Final = "baselines"
"""Folder of the baselines, beside the eval files."""

SCORE_DIGITS: Final = 6
"""Digits of a score that are kept: fewer lines change for no reason, and no case is judged by the seventh."""

FIGURE_DIGITS: Final = 3
"""Significant digits of costs and latencies that are kept: what one request took is known no better."""

OUTPUT_LENGTH: Final = 2000
"""Characters of an output that are kept, unless a judge of the case compares with all of it."""

_CUT: Final = re.compile(rf".{{{OUTPUT_LENGTH}}}… \[\d+ more characters\]", re.DOTALL)
_SAVE_ANEW: Final = "correct the line, or delete the file and save it anew with 'pytest --evals-save-baseline'"
_CONFLICT_MARKERS: Final = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")


def baseline_path(eval_file: Path) -> Path:
    """Return where the baseline of an eval file is: ``evals/a.eval.yaml`` has ``evals/baselines/a.eval.yaml.jsonl``."""
    return eval_file.parent / FOLDER / f"{eval_file.name}.jsonl"


def baseline_place(recorded: str) -> Path:
    """Return the same from what results are recorded under, an eval file or a test function, from the rootdir on.

    ``tests/test_a.py::test_b`` has ``tests/baselines/test_a.py-test_b.jsonl``.
    """
    file, *names_inside = recorded.split("::")
    path = Path(file)
    return baseline_path(path.with_name("-".join([path.name, *names_inside])))


def baseline_cases(results: Iterable[CaseResult], whole: Collection[str] = ()) -> tuple[BaselineCase, ...]:
    """Return what a baseline keeps of results, sorted by name. A case that ended in an error has no part in it.

    ``whole`` names the items whose outputs are not shortened.
    """
    return _sort(
        _keep(result, result.score, is_whole=result.name in whole)
        for result in results
        if result.error is None and result.score is not None
    )


def merge_baseline(
    old: Sequence[BaselineCase] | None,
    results: Sequence[CaseResult],
    collected_names: Collection[str],
    whole: Collection[str] = (),
) -> tuple[BaselineCase, ...]:
    """Return the baseline after a run over a selection of the cases, sorted by name.

    Cases with a score are new; those that ended in an error or were deselected stay as they were, if they were
    there; those that are no longer in the dataset go.

    Args:
        old: the baseline so far, ``None`` if there is none.
        results: what was run.
        collected_names: names of all items of the eval file, the deselected ones included.
        whole: names of those whose outputs are not shortened.
    """
    before = {case.name: case for case in old or ()}
    fresh = {case.name: _unless_same(case, before.get(case.name)) for case in baseline_cases(results, whole)}
    kept = {name: case for name, case in before.items() if name in collected_names}
    return _sort((kept | fresh).values())


def _unless_same(case: BaselineCase, before: BaselineCase | None) -> BaselineCase:
    """Return the case as it was where nothing but the time that it took is new: that differs from run to run."""
    if before is not None and dataclasses.replace(case, latency=before.latency) == before:
        return before
    return case


def accept_cases(
    old: Iterable[BaselineCase], accepted: Iterable[BaselineCase], old_names: Mapping[str, str]
) -> tuple[BaselineCase, ...]:
    """Return a baseline in which single cases have taken the places of their old selves, sorted by name.

    Args:
        old: the baseline so far.
        accepted: the cases that it takes over.
        old_names: what cases are called in the baseline, by their names of now.
    """
    fresh = {case.name: case for case in accepted}
    gone = {old_names[name] for name in fresh if name in old_names}
    kept = {case.name: case for case in old if case.name not in gone}
    return _sort((kept | fresh).values())


def read_baseline(path: Path, shown: str) -> tuple[BaselineCase, ...] | None:
    """Return the cases of a baseline file, ``None`` if there is no such file.

    ``shown`` is how messages name the file. Raises ``BaselineError`` with file and line for anything else than what
    ``write_baseline`` writes.
    """
    if not path.exists():
        return None
    lines: dict[str, int] = {}
    cases: list[BaselineCase] = []
    try:
        for number, line in enumerate(read_text(path, shown).split("\n"), start=1):
            if line.strip():
                case = _read_line(line, shown, number)
                _check_unique(case, lines, shown, number)
                cases.append(case)
    except FileProblem as problem:
        raise BaselineError(str(problem)) from problem
    return tuple(cases)


def write_baseline(path: Path, cases: Iterable[BaselineCase]) -> bool:
    """Write a baseline file, and return whether that changed it. Equal cases give equal bytes, in any order.

    Raises ``BaselineError`` if it cannot be written.
    """
    text = "".join(f"{_to_line(case)}\n" for case in _sort(cases))
    if _holds(path, text):
        return False
    try:
        write_text_atomically(path, text)
    except OSError as error:
        raise BaselineError(
            f"baseline {path} cannot be written: {error.strerror}; check the permissions of its folder"
        ) from error
    return True


def keep_output(output: str, *, is_whole: bool) -> str:
    """Return what a baseline keeps of an output: ``OUTPUT_LENGTH`` characters, and how many more there were.

    ``is_whole`` keeps all of it. What was shortened before stays as it is.
    """
    # Half of a surrogate pair is no character of UTF-8.
    text = output.encode("utf-8", "replace").decode("utf-8")
    if is_whole or len(text) <= OUTPUT_LENGTH or _CUT.fullmatch(text):
        return text
    return f"{text[:OUTPUT_LENGTH]}… [{len(text) - OUTPUT_LENGTH} more characters]"


def round_figure(value: float | None) -> float | None:
    """Return a cost or latency as a baseline keeps it: ``FIGURE_DIGITS`` significant digits."""
    return None if value is None else float(f"{value:.{FIGURE_DIGITS}g}")


def round_length(value: float | None) -> float | None:
    """Return a mean number of characters as a baseline keeps it: to a tenth."""
    return None if value is None else round(value, 1)


def _sort(cases: Iterable[BaselineCase]) -> tuple[BaselineCase, ...]:
    return tuple(sorted(cases, key=lambda case: case.name))


def _keep(result: CaseResult, score: float, *, is_whole: bool) -> BaselineCase:
    return BaselineCase(
        name=result.name,
        case_id=result.case_id,
        case_fingerprint=result.case_fingerprint,
        model=result.model,
        prompt_name=result.prompt_name,
        score=round(score, SCORE_DIGITS),
        passed=result.passed is True,
        scores={score.judge: round(score.value, SCORE_DIGITS) for score in result.scores},
        trials=len(result.trials),
        output=keep_output(result.output or "", is_whole=is_whole),
        trial_scores=tuple(round(trial, SCORE_DIGITS) for trial in result.trial_scores),
        cost=round_figure(result.cost),
        latency=round_figure(result.latency),
        output_length=round_length(result.output_length),
        fingerprint=result.fingerprint,
        prompt_hash=result.prompt_hash,
    )


def _holds(path: Path, text: str) -> bool:
    try:
        return read_text(path, str(path)) == text
    except FileProblem:  # there is none, or a damaged one: it is written anew
        return False


def _to_line(case: BaselineCase) -> str:
    data = {"schema": SCHEMA_VERSION, **cast("dict[str, Json]", to_plain(case))}
    return json.dumps(data, ensure_ascii=False, sort_keys=True, allow_nan=False)


def _read_line(line: str, shown: str, number: int) -> BaselineCase:
    if line.startswith(_CONFLICT_MARKERS):
        raise FileProblem(
            f"a merge conflict is not resolved: {line!r}; remove the markers and keep one line per case, or take "
            "either side and save the baseline anew with 'pytest --evals-save-baseline'",
            path=shown,
            line=number,
        )
    data = parse_json(line, shown, number)
    if not isinstance(data, dict):
        raise FileProblem(f"no case of a baseline, but {line.strip()!r}; {_SAVE_ANEW}", path=shown, line=number)
    _check_schema(data.pop("schema", None), shown, number)
    try:
        case = from_plain(BaselineCase, data)
    except CodecError as error:
        raise FileProblem(f"{error}; {_SAVE_ANEW}", path=shown, line=number) from error
    if not 0 <= case.score <= 1:
        raise FileProblem(f"score {case.score} is not within 0..1; {_SAVE_ANEW}", path=shown, line=number)
    return case


def _check_schema(schema: Json, shown: str, number: int) -> None:
    if isinstance(schema, int) and schema > SCHEMA_VERSION:
        raise FileProblem(
            f"written by a newer version of pytest-promptevals (its schema is {schema}, this version reads "
            f"{SCHEMA_VERSION}); update pytest-promptevals",
            path=shown,
            line=number,
        )
    if schema != SCHEMA_VERSION:
        raise FileProblem(
            f"schema is {schema!r}, this version of pytest-promptevals reads {SCHEMA_VERSION}; {_SAVE_ANEW}",
            path=shown,
            line=number,
        )


def _check_unique(case: BaselineCase, lines: dict[str, int], shown: str, number: int) -> None:
    first = lines.setdefault(case.name, number)
    if first != number:
        raise FileProblem(
            f"case {case.name!r} stands twice, first in line {first}; remove one of the two lines",
            path=shown,
            line=number,
        )
