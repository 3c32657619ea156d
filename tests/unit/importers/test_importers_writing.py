from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.datasets.importers.writing import MOST_CASES, eval_file_texts
from pytest_promptevals.files.yaml import parse_yaml
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.drafts import Draft, Loss


def texts(draft: Draft, name: str = "a.eval.yaml") -> dict[str, str]:
    return eval_file_texts(draft, name, "source.json (acme)")


def test_it_is_what_a_person_would_have_written() -> None:
    draft = Draft(
        {"prompt": "Say it:\n{{ input }}\n", "judges": ["exact", {"contains": "x"}]},
        [{"input": "a", "vars": {"b": 1}}, {"input": "c", "context": ["d" * 50, "e" * 50]}],
        [Loss(Location("source.json", 3), "b[0]", "is no c; left out")],
        comments={"judges": "These are a start."},
    )

    assert texts(draft)["a.eval.yaml"] == (
        "# Made from source.json (acme).\n"
        "# What has no equivalent here:\n"
        "# - source.json:3: b[0]: is no c; left out\n"
        "\n"
        "prompt: |\n"
        "  Say it:\n"
        "  {{ input }}\n"
        "\n"
        "# These are a start.\n"
        "judges:\n"
        "  - exact\n"
        "  - contains: x\n"
        "\n"
        "cases:\n"
        "  - input: a\n"
        "    vars: {b: 1}\n"
        "  - input: c\n"
        "    context:\n"
        f"      - {'d' * 50}\n"
        f"      - {'e' * 50}\n"
    )


def test_no_path_of_this_machine_is_written() -> None:
    losses = [
        Loss(Location(str(Path("/home/ada/a.json").absolute()), 3), "x", "lost"),
        Loss(Location("b/a.json", 4), "", "gone"),
    ]
    (text,) = eval_file_texts(Draft({}, [{"input": "Q"}], losses), "a.eval.yaml", "a.json (rows)").values()

    assert "# - a.json:3: x: lost\n# - b/a.json:4: gone\n" in text


@pytest.mark.parametrize("count", [MOST_CASES, MOST_CASES + 1])
def test_many_cases_get_a_file_of_their_own(count: int) -> None:
    written = texts(Draft({}, [{"input": "é"}] * count))

    names = ["a.eval.yaml", "a.cases.jsonl"] if count > MOST_CASES else ["a.eval.yaml"]
    assert list(written) == names
    assert written[names[-1]].count("input") == count
    if count > MOST_CASES:
        assert "cases:\n  - file: a.cases.jsonl\n" in written["a.eval.yaml"]
        assert written["a.cases.jsonl"].startswith('{"input": "é"}\n')


def test_json_lines_hold_cases_alone() -> None:
    assert texts(Draft({}, [{"input": "a"}], texts={"p.md": "x"}), "a.eval.jsonl") == {
        "a.eval.jsonl": '{"input": "a"}\n',
        "p.md": "x",
    }


def test_json_lines_have_no_place_for_settings() -> None:
    with pytest.raises(
        ValueError, match=r"^a file of JSON Lines has no place for prompt, judges; write to a"
    ) as caught:
        texts(Draft({"prompt": "x", "judges": []}, []), "a.eval.jsonl")
    assert str(caught.value).endswith("write to a .eval.yaml file")


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "yes",
        "1",
        "line\nline\n",
        "ends in blanks  \nline",
        " \nbegins with a blank",
        "\nbegins with a line break",
        "tab\tand \x1b[31m and \x00 and \x85",
        "\u202eright to left\n\u2028",
        "a\x85b",
        "a\u2029",
        "#: not a comment\n- nor a list\n---\n",
        "\ufeff",
        "a" * 5000,
    ],
)
def test_every_text_comes_back_as_it_was(text: str) -> None:
    value: Any = parse_yaml(texts(Draft({"prompt": text}, [{"input": text}]))["a.eval.yaml"], "a").value

    assert (value["prompt"], value["cases"][0]["input"]) == (text, text)


@pytest.mark.parametrize("text", ["a\x85prompt: x", "a\u2028prompt: x", "a\nprompt: x", "a\x1b\x00\u202e\ud800"])
def test_a_loss_never_ends_its_comment(text: str) -> None:
    loss = Loss(Location("s", 1), text, text)

    written = texts(Draft({}, [{"input": "a"}], [loss], comments={"cases": text}))["a.eval.yaml"]

    assert parse_yaml(written, "a").value == {"cases": [{"input": "a"}]}
