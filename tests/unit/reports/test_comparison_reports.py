"""Two runs beside each other, in every format."""

from __future__ import annotations

import csv
import dataclasses
import html.parser
import io
import json
from typing import Any

from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import Change, Comparison, Delta, GateResult, Metrics, Verdict
from pytest_promptevals.records.effects import Effect, Evidence
from pytest_promptevals.records.run_comparisons import ComparedRun, Outputs, RunComparison
from pytest_promptevals.reports.comparison_data import COLUMNS, comparison_data, write_comparison_csv
from pytest_promptevals.reports.comparison_html import comparison_html
from pytest_promptevals.reports.comparison_markdown import comparison_markdown
from pytest_promptevals.reports.comparison_table import comparison_table
from pytest_promptevals.reports.comparison_view import LEGEND, view_comparison

FILE = "evals/a.eval.yaml"
PLACE = Location(FILE, 3)
SCORE = Effect(
    "score", 0.9, 0.7, 0.2, low=0.05, high=0.35, p_worse=0.004, p_better=0.999, error=0.05, cases=4, groups=4
)
COST = Effect("cost", 0.02, 0.01, -0.01, p_worse=0.999, p_better=0.01, cases=4, groups=4)
LENGTH = Effect("output_length", 10.0, 12.0, 2.0, low=-1.0, high=5.0, p_worse=0.3, p_better=0.7, cases=4, groups=4)
EVIDENCE = Evidence(SCORE, 0.1, 0.95, p_adjusted=0.008, smallest_detectable=0.15, cases_needed=None)
DELTAS = (
    Delta("refund", Change.WORSE, 1.0, 0.0, PLACE, passed_before=True, passed_after=False),
    Delta("late", Change.WORSE, 1.0, 0.6, PLACE, passed_before=True, passed_after=True),
    Delta("greeting", Change.BETTER, 0.2, 0.8, PLACE, passed_before=False, passed_after=True, renamed_from="hello"),
    Delta("down", Change.ERROR, 1.0, None, PLACE, passed_before=True),
    Delta("gone", Change.MISSING, 1.0, passed_before=True),
    Delta("edited", Change.EDITED, 1.0, 0.0, PLACE, passed_before=True, passed_after=False),
    Delta("new", Change.NEW, None, 1.0, PLACE, passed_after=True),
    Delta("same", Change.SAME, 1.0, 1.0, PLACE, passed_before=True, passed_after=True),
)
COMPARISON = Comparison(
    FILE,
    Metrics(7, 4, 1, 0.7, 0.7),
    has_baseline=True,
    baseline="run a",
    deltas=DELTAS,
    mean_before=0.9,
    mean_after=0.7,
    gates=(
        GateResult(FILE, "score", Verdict.REGRESSED, "mean score fell by 0.200", PLACE, EVIDENCE),
        GateResult(FILE, "min_score", Verdict.PASSED, "mean score is 0.700", PLACE),
    ),
    effects=(LENGTH, COST, SCORE),
    baseline_run="a",
)
RUNS = RunComparison(
    ComparedRun("main", "run a of branch main", "a"),
    ComparedRun("latest", "run b", "b"),
    (COMPARISON,),
    only_before=("evals/lost.eval.yaml",),
    only_now=("evals/new.eval.yaml",),
    notices=("main is a branch and a name",),
)
HOSTILE = "<script>alert(1)</script>|`x`*_[a](http://x)@all\x1b[31m"


def table(runs: RunComparison = RUNS, limit: int | None = None, *, with_same: bool = False, width: int = 80) -> str:
    return comparison_table(view_comparison(runs, limit, with_same=with_same), width)


def hostile() -> RunComparison:
    """Runs in which everything that a stranger may write is meant to do harm."""
    delta = dataclasses.replace(DELTAS[0], name=HOSTILE, location=Location(HOSTILE, 1), renamed_from=HOSTILE)
    gate = GateResult(HOSTILE, f"judges.{HOSTILE}", Verdict.PASSED, HOSTILE, PLACE)
    effect = dataclasses.replace(SCORE, metric=f"judges.{HOSTILE}")
    file = dataclasses.replace(
        COMPARISON, file=HOSTILE, baseline=HOSTILE, deltas=(delta,), gates=(gate,), effects=(effect,)
    )
    return RunComparison(ComparedRun(HOSTILE, HOSTILE), ComparedRun(HOSTILE, HOSTILE), (file,), (HOSTILE,), (HOSTILE,))


def test_the_terminal_shows_metrics_and_cases_side_by_side() -> None:
    assert table().splitlines() == [
        "before: run a of branch main",
        "now:    run b",
        "main is a branch and a name",
        "not compared, since the baseline has no scores of them: evals/new.eval.yaml",
        "not compared, since only the baseline has results of them: evals/lost.eval.yaml",
        "",
        "evals/a.eval.yaml: regressed",
        "  [score] regressed: mean score fell by 0.200",
        "  [min_score] passed: mean score is 0.700",
        "",
        "  4 cases compared",
        "  metric         before    now  change   95 % sure: from  by chance",
        "  score           0.900  0.700  -0.200  -0.350 to -0.050   1 of 250",
        "  cost            $0.02  $0.01  -$0.01                 -   1 of 100",
        "  output length    10.0   12.0    +2.0      -1.0 to +5.0    3 of 10",
        "",
        "  2 cases worse",
        "    refund  1.00 -> 0.00  now fails  evals/a.eval.yaml:3",
        "    late    1.00 -> 0.60  evals/a.eval.yaml:3",
        "",
        "  1 case better",
        "    greeting  0.20 -> 0.80  now passes, was hello  evals/a.eval.yaml:3",
        "",
        "  1 case ended in an error",
        "    down  evals/a.eval.yaml:3",
        "",
        "  1 case missing: in the baseline, but no longer in the dataset",
        "    gone",
        "",
        "  1 case edited or judged otherwise, so not compared",
        "    edited  evals/a.eval.yaml:3",
        "",
        "  1 case new: not in the baseline",
        "    new  evals/a.eval.yaml:3",
        "",
        "  1 case unchanged",
        "",
        "95 % sure: where the true change lies, as far as these cases can tell. By",
        "chance: in how many runs luck alone would change it as much, in that direction,",
        "if nothing were different.",
    ]


def test_only_the_worst_cases_are_listed_where_there_are_many() -> None:
    lines = table(limit=1).splitlines()

    assert lines[lines.index("  2 cases worse") + 1 :][:2] == [
        "    refund  1.00 -> 0.00  now fails  evals/a.eval.yaml:3",
        "    ... and 1 more; --all lists them",
    ]


def test_a_long_name_moves_the_others_no_further_than_a_third_of_the_line() -> None:
    worse = (dataclasses.replace(DELTAS[0], name="x" * 70), DELTAS[1])
    runs = RunComparison(RUNS.before, RUNS.now, (dataclasses.replace(COMPARISON, deltas=worse),))

    lines = table(runs).splitlines()

    assert lines[lines.index("  2 cases worse") + 1 :][:2] == [
        f"    {'x' * 70}  1.00 -> 0.00  now fails  evals/a.eval.yaml:3",
        f"    late{' ' * 22}  1.00 -> 0.60  evals/a.eval.yaml:3",
    ]


def test_unchanged_cases_are_listed_if_they_are_asked_for() -> None:
    lines = table(with_same=True).splitlines()

    assert lines[lines.index("  1 case unchanged") + 1] == "    same  1.00 -> 1.00  evals/a.eval.yaml:3"


def test_each_file_names_what_it_is_compared_with_where_that_is_not_the_same_for_all() -> None:
    bare = dataclasses.replace(COMPARISON, gates=(), effects=(), deltas=())
    other = dataclasses.replace(bare, file="evals/b.eval.yaml", baseline="run b <i> (1 of 2 cases)", baseline_run="b")
    runs = RunComparison(RUNS.before, RUNS.now, (bare, other))
    view = view_comparison(runs, None, with_same=False)

    assert table(runs).splitlines()[3:] == [
        "evals/a.eval.yaml",
        "  before: run a",
        "",
        "evals/b.eval.yaml",
        "  before: run b <i> (1 of 2 cases)",
    ]
    assert comparison_markdown(view).splitlines()[3:] == [
        "### evals/a.eval.yaml",
        "",
        "Before: run a",
        "",
        "### evals/b.eval.yaml",
        "",
        "Before: run b \\<i\\> (1 of 2 cases)",
    ]
    assert "<p>before: run b &lt;i&gt; (1 of 2 cases)</p>" in comparison_html(view)


def test_a_file_without_gates_or_metrics_has_none() -> None:
    bare = dataclasses.replace(COMPARISON, gates=(), effects=(), deltas=())
    runs = RunComparison(RUNS.before, RUNS.now, (bare,))

    assert table(runs).splitlines() == ["before: run a of branch main", "now:    run b", "", "evals/a.eval.yaml"]
    assert comparison_markdown(view_comparison(runs, None, with_same=False)).splitlines()[3:] == [
        "### evals/a.eval.yaml"
    ]
    assert "<table>" not in comparison_html(view_comparison(runs, None, with_same=False))


def test_a_terminal_is_not_moved_by_what_a_stranger_wrote() -> None:
    assert "\x1b" not in table(hostile())


def test_markdown_has_tables_and_folded_lists() -> None:
    lines = comparison_markdown(view_comparison(RUNS, 1, with_same=False)).splitlines()

    assert lines[:2] == ["**Before:** run a of branch main  ", "**Now:** run b"]
    assert lines[lines.index("### evals/a.eval.yaml: regressed") :][:17] == [
        "### evals/a.eval.yaml: regressed",
        "",
        "- **score** regressed: mean score fell by 0.200",
        "- **min\\_score** passed: mean score is 0.700",
        "",
        "| metric | before | now | change | 95 % sure: from | by chance |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| score | 0.900 | 0.700 | -0.200 | -0.350 to -0.050 | 1 of 250 |",
        "| cost | &#36;0.02 | &#36;0.01 | -&#36;0.01 | - | 1 of 100 |",
        "| output length | 10.0 | 12.0 | +2.0 | -1.0 to +5.0 | 3 of 10 |",
        "",
        "4 cases compared.",
        "",
        "<details>",
        "<summary>2 cases worse</summary>",
        "",
        "| case | score |  | place |",
    ]
    assert "… and 1 more." in lines
    assert "1 case unchanged." in lines
    assert lines[-1] == f"<sub>{LEGEND}</sub>"


def test_markdown_of_strangers_is_text() -> None:
    text = comparison_markdown(view_comparison(hostile(), None, with_same=False))

    assert "<script" not in text.replace("\\<script", "")
    assert "@all" not in text
    for line in text.splitlines():
        if line.startswith("| ") and "script" in line:
            cells = line.replace("\\|", "").strip("|").split("|")
            assert len(cells) in (4, 6), line


class Page(html.parser.HTMLParser):
    """Reads a page: its elements, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_has_all_that_the_terminal_has() -> None:
    page = Page(comparison_html(view_comparison(RUNS, 1, with_same=False)))

    assert page.open == []
    words = " ".join(page.text.split())
    for text in (
        "run b beside run a of branch main",
        "evals/a.eval.yaml regressed",
        "score regressed: mean score fell by 0.200",
        "4 cases compared",
        "metric before now change 95 % sure: from by chance",
        "score0.9000.700-0.200-0.350 to -0.0501 of 250",
        "2 cases worse",
        "refund1.00 -> 0.00now failsevals/a.eval.yaml:3",
        "… and 1 more.",
        "greeting0.20 -> 0.80now passes, was helloevals/a.eval.yaml:3",
        "1 case unchanged.",
        "not compared, since only the baseline has results of them: evals/lost.eval.yaml",
    ):
        assert text.replace(" ", "") in words.replace(" ", ""), text


def with_outputs(before: str | None, now: str | None) -> RunComparison:
    return dataclasses.replace(RUNS, outputs={FILE: {"refund": Outputs(before, now)}})


def test_long_outputs_are_cut_in_the_terminal() -> None:
    lines = table(with_outputs("\n".join(map(str, range(30))), "short")).splitlines()

    rows = [line for line in lines if line.startswith("      ")]
    assert len(rows) == 12
    assert rows[0] == f"      {'0':<35} | short"
    assert rows[-1].split() == ["...", "|"]


def test_markdown_and_the_page_have_the_outputs_as_text_of_strangers() -> None:
    view = view_comparison(with_outputs("<script>\n|x|", "@all\x1b"), None, with_same=False)

    assert (
        "| refund | \\<script\\><br>\\|x\\| | @\N{ZERO WIDTH NON-JOINER}all\\\\x1b |"
        in comparison_markdown(view).splitlines()
    )
    page = comparison_html(view)
    assert "<pre>&lt;script&gt;\n|x|</pre><pre>@all\\x1b</pre>" in page
    assert "<pre>" not in comparison_html(view_comparison(RUNS, None, with_same=False))


def test_the_page_needs_nothing_else_and_no_script() -> None:
    text = comparison_html(view_comparison(RUNS, None, with_same=True))
    page = Page(text)

    assert {tag for tag, _ in page.seen}.isdisjoint({"script", "link", "img", "iframe", "object", "form", "a"})
    assert not [attributes for _, attributes in page.seen if any(name.startswith("on") for name in attributes)]
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text


def test_the_page_escapes_what_strangers_wrote() -> None:
    page = Page(comparison_html(view_comparison(hostile(), None, with_same=False)))

    assert "script" not in {tag for tag, _ in page.seen}
    assert page.text.count("<script>alert(1)</script>") > 5
    assert "\x1b" not in page.text


def read_json(limit: int | None, *, with_same: bool) -> Any:
    """Return what a reader of the JSON gets."""
    data = comparison_data(RUNS, limit, with_same=with_same)
    read = json.loads(json.dumps(data, allow_nan=False))
    assert read == data
    return read


def test_json_has_every_number() -> None:
    data = read_json(None, with_same=False)

    assert data["before"] == {"reference": "main", "words": "run a of branch main", "run_id": "a"}
    assert (data["only_before"], data["only_now"]) == (["evals/lost.eval.yaml"], ["evals/new.eval.yaml"])
    (file,) = data["files"]
    assert file["verdict"] == "regressed"
    assert file["gates"][0] == {
        "gate": "score",
        "verdict": "regressed",
        "explanation": "mean score fell by 0.200",
        "limit": 0.1,
        "confidence": 0.95,
        "p_adjusted": 0.008,
        "smallest_detectable": 0.15,
        "cases_needed": None,
        "trials_needed": None,
    }
    assert file["gates"][1]["limit"] is None
    assert [effect["metric"] for effect in file["effects"]] == ["score", "cost", "output_length"]
    assert file["effects"][0]["p_worse"] == 0.004
    assert file["counts"] == {change.value: 2 if change is Change.WORSE else 1 for change in Change}
    assert [case["name"] for case in file["cases"]] == [delta.name for delta in DELTAS[:-1]]
    assert file["cases"][2] == {
        "name": "greeting",
        "change": "better",
        "before": 0.2,
        "now": 0.8,
        "passed_before": False,
        "passed_now": True,
        "renamed_from": "hello",
        "group": None,
        "weight": 1.0,
        "place": "evals/a.eval.yaml:3",
    }
    assert file["cases"][4]["place"] is None


def test_json_may_hold_fewer_cases_or_the_unchanged_ones_too() -> None:
    def names(limit: int | None, *, with_same: bool) -> list[str]:
        (file,) = read_json(limit, with_same=with_same)["files"]
        return [case["name"] for case in file["cases"]]

    assert names(2, with_same=False) == ["refund", "late"]
    assert names(None, with_same=True)[-1] == "same"


def test_csv_has_a_row_for_each_metric_and_each_case() -> None:
    stream = io.StringIO()
    write_comparison_csv(stream, RUNS, 1, with_same=False)
    rows = list(csv.DictReader(io.StringIO(stream.getvalue())))

    assert tuple(rows[0]) == COLUMNS
    assert [(row["kind"], row["name"]) for row in rows] == [
        ("metric", "score"),
        ("metric", "cost"),
        ("metric", "output_length"),
        ("case", "refund"),
    ]
    score, case = rows[0], rows[3]
    assert (score["before"], score["now"], score["worse_by"], score["low"], score["cases"]) == (
        "0.9",
        "0.7",
        "0.2",
        "0.05",
        "4",
    )
    assert (case["change"], case["worse_by"], case["passed_now"], case["place"]) == (
        "worse",
        "1.0",
        "false",
        "evals/a.eval.yaml:3",
    )
