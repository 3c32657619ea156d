"""Whether imported assertions of promptfoo give the verdicts that promptfoo gives. Not part of the tests.

Recorded outputs are judged by every assertion that both have, with ``not-`` and without, once by promptfoo and once by
pytest after an import. It needs promptfoo's command::

    python tests/benchmarks/promptfoo_compare.py --promptfoo "npx promptfoo"

With ``--exported``, promptfoo judges twice: by the config, and by what an import and an export make of it.

A verdict that differs is either of a type whose difference the importer names, which is counted with its reason, or
a defect, which is shown and makes the exit status 1.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

from click.testing import CliRunner

from pytest_promptevals.cli import main

REASONS: Final = {
    "is-json": "JSON in a fenced block counts here",
    "contains-json": "promptfoo tries every brace and mends what is not quite JSON",
    "levenshtein": "a share of the length instead of a number of edits, for short texts",
    "rouge-n": "punctuation is no word here",
    "bleu": "other words, and other smoothing of short texts",
    "is-refusal": "other phrases",
    "equals-data": "JSON in a fenced block counts here",
}
"""Type, or kind of assertion -> why verdicts may differ, as the importer or its table of fields says."""
OUTPUTS: Final = (
    "Hello World",
    "hello world",
    " Hello World ",
    "Hello, World! It is 42 degrees.",
    "The quick brown fox jumps over the lazy dog",
    "A quick brown fox jumped over a lazy dog.",
    "Your order A-17 is on its way.",
    "I'm sorry, but I can't help with that.",
    "Straße and ÉCOLE, naïve café",
    "café",
    "42",
    "true",
    '{"id": "A-17", "total": 12.5}',
    '{"id": 17}',
    "[1, 2, 3]",
    '["a", "b"]',
    'Here it is: {"id": "A-17", "total": 3} - fine?',
    '```json\n{"id": "A-17", "total": 1}\n```',
    "line one\nline two\n",
    "yes, no, maybe",
    "{{ not a template }}",
    "Friday",
)
SCHEMA: Final = {"type": "object", "required": ["id", "total"], "properties": {"id": {"type": "string"}}}
ASSERTIONS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("equals", {"type": "equals", "value": "Hello World"}),
    ("equals", {"type": "equals", "value": "{{ greeting }}"}),
    ("equals", {"type": "equals", "value": 42}),
    ("equals", {"type": "equals", "value": True}),
    ("equals-data", {"type": "equals", "value": {"total": 12.5, "id": "A-17"}}),
    ("equals-data", {"type": "equals", "value": [1, 2, 3]}),
    ("equals-data", {"type": "equals", "value": ["a", "b"]}),
    ("contains", {"type": "contains", "value": "World"}),
    ("contains", {"type": "contains", "value": "{{ order }}"}),
    ("contains", {"type": "contains", "value": 42}),
    ("icontains", {"type": "icontains", "value": "hELLO"}),
    ("icontains", {"type": "icontains", "value": "école"}),
    ("contains-all", {"type": "contains-all", "value": ["quick", "lazy"]}),
    ("contains-all", {"type": "contains-all", "value": 'quick, "lazy", dog'}),
    ("contains-any", {"type": "contains-any", "value": 'maybe, "Hello, World"'}),
    ("contains-any", {"type": "contains-any", "value": ["{{ order }}", 42]}),
    ("icontains-all", {"type": "icontains-all", "value": "QUICK,DOG"}),
    ("icontains-any", {"type": "icontains-any", "value": ["FRIDAY", "WAY"]}),
    ("starts-with", {"type": "starts-with", "value": "Hello"}),
    ("starts-with", {"type": "starts-with", "value": " Hello"}),
    ("regex", {"type": "regex", "value": "[A-Z]-[0-9]+"}),
    ("regex", {"type": "regex", "value": "^[Hh]ello"}),
    ("regex", {"type": "regex", "value": "two$"}),
    ("regex", {"type": "regex", "value": "fox(?= jumps)"}),
    ("regex", {"type": "regex", "value": "(?<letter>l)\\k<letter>"}),
    ("regex", {"type": "regex", "value": "^\\w+$"}),
    ("is-json", {"type": "is-json"}),
    ("is-json", {"type": "is-json", "value": SCHEMA}),
    ("is-json", {"type": "is-json", "value": "type: array"}),
    ("contains-json", {"type": "contains-json"}),
    ("contains-json", {"type": "contains-json", "value": SCHEMA}),
    ("levenshtein", {"type": "levenshtein", "value": "Hello World", "threshold": 2}),
    ("levenshtein", {"type": "levenshtein", "value": "The quick brown fox jumps over the lazy dog", "threshold": 3}),
    ("levenshtein", {"type": "levenshtein", "value": "Fridays"}),
    ("levenshtein", {"type": "levenshtein", "value": "Friday", "threshold": 0}),
    ("rouge-n", {"type": "rouge-n", "value": "The quick brown fox jumps over the lazy dog"}),
    ("rouge-n", {"type": "rouge-n", "value": "Hello there World", "threshold": 0.5}),
    ("bleu", {"type": "bleu", "value": "The quick brown fox jumps over the lazy dog"}),
    ("bleu", {"type": "bleu", "value": ["Your order A-17 is on its way.", "Hello"], "threshold": 0.6}),
    ("word-count", {"type": "word-count", "value": {"min": 2, "max": 5}}),
    ("word-count", {"type": "word-count", "value": 9}),
    ("word-count", {"type": "word-count", "value": {"max": 3}}),
    ("is-refusal", {"type": "is-refusal"}),
    ("assert-set", {"type": "assert-set", "threshold": 0.5, "assert": [
        {"type": "contains", "value": "fox"}, {"type": "contains", "value": "World"}]}),
    ("assert-set", {"type": "assert-set", "assert": [
        {"type": "contains", "value": "fox"}, {"type": "icontains", "value": "THE"}]}),
)  # fmt: skip
"""Kind, and assertion."""
VARIABLES: Final = {"greeting": "Hello World", "order": "A-17"}


def all_pairs() -> list[tuple[str, dict[str, Any]]]:
    """Return a test for each output and assertion, with ``not-`` and without, by kind."""
    pairs: list[tuple[str, dict[str, Any]]] = []
    for kind, assertion in ASSERTIONS:
        kinds = [assertion["type"], *([] if kind == "assert-set" else [f"not-{assertion['type']}"])]
        for written in kinds:
            for output in OUTPUTS:
                test = {"vars": VARIABLES, "providerOutput": output, "assert": [{**assertion, "type": written}]}
                pairs.append((kind, {"description": f"pair-{len(pairs)}", **test}))
    return pairs


def promptfoo_verdicts(command: str, config: Path) -> dict[str, bool]:
    """Return what promptfoo says: description of a test -> whether it passes."""
    output = config.with_name("out.json")
    environment = {"PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1"}
    environment |= {"PROMPTFOO_CONFIG_DIR": str(config.parent / "state")}
    arguments = ["eval", "-c", str(config), "--no-cache", "--no-write", "--no-table", "-o", str(output)]
    # Its exit status says whether all passed.
    subprocess.run(
        [*shlex.split(command), *arguments],
        cwd=config.parent,
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )
    results = json.loads(output.read_text(encoding="utf-8"))["results"]["results"]
    errors = [result for result in results if result.get("failureReason") == 2]
    for result in errors:
        print(f"promptfoo could not judge: {result['testCase']['assert']}: {result.get('error', '')[:200]}")
    return {result["testCase"]["description"]: bool(result["success"]) for result in results if result not in errors}


def our_verdicts(config: Path) -> dict[str, bool]:
    """Return what pytest says after an import: id of a case -> whether it passes."""
    folder = config.parent
    imported = CliRunner().invoke(main, ["import", str(config), "-o", str(folder / "pairs.eval.yaml")])
    if imported.exit_code:
        sys.exit(imported.output)
    report = folder / "junit.xml"
    run = [sys.executable, "-m", "pytest", "pairs.eval.yaml", "-q", f"--junitxml={report}", "-p", "no:cacheprovider"]
    subprocess.run([*run, f"--rootdir={folder}"], cwd=folder, check=False, capture_output=True)
    found = {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it a moment ago
        if case.find("error") is not None:
            print(f"could not be judged here: {case.get('name')}: {case.find('error').get('message', '')[:300]}")  # type: ignore[union-attr]
        else:
            found[str(case.get("name"))] = case.find("failure") is None
    return found


def compare(command: str) -> int:
    """Print how many verdicts are the same, and those that are not. Return the exit status."""
    pairs = all_pairs()
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "promptfooconfig.json"
        tests = [test for _, test in pairs]
        written = {"prompts": ["{{ greeting }}"], "providers": ["echo"], "tests": tests}
        config.write_text(json.dumps(written), encoding="utf-8")
        theirs, ours = promptfoo_verdicts(command, config), our_verdicts(config)
    counts: Counter[str] = Counter()
    defects = 0
    for kind, test in pairs:
        name = test["description"]
        both = (theirs.get(name), ours.get(name))
        if None not in both and both[0] == both[1]:
            counts["same"] += 1
        elif kind in REASONS and None not in both:
            counts[kind] += 1
            print(f"  {kind}: promptfoo {both[0]}: {test['providerOutput']!r} {test['assert'][0]}")
        else:
            defects += 1
            print(f"DEFECT: promptfoo {both[0]}, here {both[1]}: {test['providerOutput']!r} {test['assert'][0]}")
    print(f"{len(pairs)} pairs: {counts.pop('same', 0)} the same, {defects} defects")
    for kind, count in counts.items():
        print(f"  {count} of {kind} differ: {REASONS[kind]}")
    return 1 if defects else 0


def compare_exported(command: str) -> int:
    """Print how many verdicts of promptfoo are the same after an import and an export. Return the exit status."""
    pairs = all_pairs()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config, eval_file, back = folder / "promptfooconfig.json", folder / "pairs.eval.yaml", folder / "back.yaml"
        written = {"prompts": ["{{ greeting }}"], "providers": ["echo"], "tests": [test for _, test in pairs]}
        config.write_text(json.dumps(written), encoding="utf-8")
        for arguments in (
            ["import", str(config), "-o", str(eval_file)],
            ["dataset", "export", str(eval_file), "-o", str(back)],
        ):
            result = CliRunner().invoke(main, arguments)
            if result.exit_code:
                sys.exit(result.output)
        before, after = promptfoo_verdicts(command, config), promptfoo_verdicts(command, back)
    differing = [test for _, test in pairs if before.get(test["description"]) != after.get(test["description"])]
    for test in differing:
        print(f"DEFECT: {before.get(test['description'])} before: {test['providerOutput']!r} {test['assert'][0]}")
    print(f"{len(pairs)} pairs: {len(pairs) - len(differing)} the same after an import and an export")
    return 1 if differing else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--promptfoo", default="npx promptfoo", help="command that runs promptfoo")
    parser.add_argument("--exported", action="store_true", help="compare a config with what comes back of it")
    given = parser.parse_args()
    sys.exit((compare_exported if given.exported else compare)(given.promptfoo))
