"""What makes the results of an eval file comparable, read off its plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pytest_promptevals.datasets.loader import load_dataset
from pytest_promptevals.engine.file_facts import describe_file
from pytest_promptevals.records.contents import ContentKind, FileFacts, dataset_version
from pytest_promptevals.settings import Settings
from tests.unit.engine.plans import plan

CASES = "cases: [{id: a, input: hi, expected: hi}, {id: b, input: ho, expected: ho}]\n"


def describe(folder: Path, text: str, settings: Settings | None = None) -> FileFacts:
    return describe_file(plan(folder, text + CASES, settings)[0].plan, "shown.yaml")


def content_of(facts: FileFacts, kind: ContentKind, key: str) -> Any:
    (text,) = {content.text for content in facts.contents if content.kind is kind and content.hash == key}
    return json.loads(text)


def judge_of(facts: FileFacts, name: str) -> Any:
    return content_of(facts, ContentKind.JUDGE, facts.file.judges[name])


def test_a_file_is_described_under_the_name_of_its_results(tmp_path: Path) -> None:
    facts = describe(tmp_path, "model: counting/m\nparameters: {temperature: 0}\njudges: [exact]\n")

    dataset = load_dataset(tmp_path / "a.eval.yaml", tmp_path)
    assert (facts.file.file, facts.cases_path) == ("shown.yaml", "a.eval.yaml")
    assert (facts.file.dataset_version, facts.file.cases) == (dataset_version(dataset.cases), 2)
    assert facts.file.parameters == {"temperature": 0}
    assert (facts.file.models, facts.file.prompts) == ({}, {})
    assert judge_of(facts, "exact") == {"judge": "exact", "name": "exact"}


def test_a_part_of_the_judges_or_another_model_makes_no_other_file(tmp_path: Path) -> None:
    text = "model: counting/m\njudges: [exact, {odd: 0.5}]\n"

    whole, level_1 = describe(tmp_path, text), describe(tmp_path, text, Settings(level=1, model=("counting/n",)))

    assert whole == level_1
    assert list(whole.file.judges) == ["exact", "odd"]


def test_prompts_go_by_their_names(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "ask.md").write_text(f"{folder} {{{{ input }}}}\n", encoding="utf-8")
    head = "model: counting/m\njudges: [exact]\n"

    several = describe(tmp_path, f"{head}prompt: [one/ask.md, two/ask.md, 'Say {{{{ input }}}}']\n")
    inline = describe(tmp_path, f"{head}prompt: 'Say {{{{ input }}}}'\n")

    assert list(several.file.prompts) == ["ask", "ask#2", "prompt3"]
    assert list(inline.file.prompts) == ["prompt"]
    assert several.file.prompts["prompt3"] == inline.file.prompts["prompt"]
    second = content_of(several, ContentKind.PROMPT, several.file.prompts["ask#2"])
    assert second == {"messages": [{"role": "user", "content": "two {{ input }}"}]}


def test_a_rubric_comes_with_its_text_and_its_model(tmp_path: Path) -> None:
    head = "model: counting/m\njudge_model: counting/judge\n"
    facts = describe(tmp_path, f"{head}judges: [{{rubric: helpfulness}}]\n")

    judge = judge_of(facts, "rubric")

    assert judge["parameters"]["model"] == "counting/judge"
    assert judge["content"]["id"] == "helpfulness"
    assert judge["content"]["version"] >= 1
    assert judge["content"]["criteria"]
    other = describe(tmp_path, f"{head}judges: [{{rubric: conciseness}}]\n")
    assert other.file.judges["rubric"] != facts.file.judges["rubric"]


def test_another_prompt_that_a_judge_compares_with_comes_with_its_text(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("Say {{ input }}\n", encoding="utf-8")
    judge = "{pairwise: {against: other.md, model: counting/judge}}"

    facts = describe(tmp_path, f"model: counting/m\njudges: [{judge}]\n")

    assert judge_of(facts, "pairwise")["content"] == "Say {{ input }}\n"


def test_the_users_own_code_comes_with_its_source(tmp_path: Path) -> None:
    source = "def is_brief(output):\n    return len(output) < 9\n"
    (tmp_path / "brief_checks.py").write_text(source, encoding="utf-8")

    facts = describe(tmp_path, "model: counting/m\njudges: [{python: 'brief_checks:is_brief'}, {odd: 0.5}]\n")

    assert "return len(output) < 9" in judge_of(facts, "python")["content"]
    assert "class OddJudge:" in judge_of(facts, "odd")["content"]


def test_the_judges_of_a_group_are_described_inside_of_it(tmp_path: Path) -> None:
    head = "model: counting/m\njudge_model: counting/judge\n"

    facts = describe(tmp_path, f"{head}judges: [{{any_of: [exact, {{rubric: helpfulness}}]}}]\n")

    group = judge_of(facts, "any_of")
    assert list(facts.file.judges) == ["any_of"]
    assert [child["judge"] for child in group["children"]] == ["exact", "rubric"]
    assert group["children"][1]["content"]["id"] == "helpfulness"
