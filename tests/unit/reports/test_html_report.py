from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
import zlib
from typing import Any

import pytest

from pytest_promptevals.records.comparisons import Verdict
from pytest_promptevals.records.effects import SCORE, Effect, Evidence
from pytest_promptevals.records.responses import Response, ToolCall
from pytest_promptevals.records.results import Score, Trial
from pytest_promptevals.records.run_reports import ReportedCase, RunReport
from pytest_promptevals.records.runs import RunStatus
from pytest_promptevals.records.trends import TrendPoint
from pytest_promptevals.reports.html_data import LONGEST_TEXT, PACKET, index, pack, packets
from pytest_promptevals.reports.html_numbers import breakdowns, effect_table, gate_rows, headline
from pytest_promptevals.reports.html_report import HtmlReport
from tests.support.run_reports import (
    CHANGES,
    DROP,
    INCONCLUSIVE,
    PASSED,
    REGRESSED,
    failed_case,
    low_case,
    make_file,
    make_report,
    passed_case,
)
from tests.support.sample_results import FILE, make_result

HOSTILE = "</script><img src=x onerror=alert(1)>\x00\u202e\ud800\u2028"


def unpack(packet: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(packet)))


def unpacked(report: RunReport) -> list[dict[str, Any]]:
    return [texts for packet in packets(report) for texts in unpack(packet)]


def texts_of(case: ReportedCase) -> dict[str, Any]:
    return unpacked(make_report(make_file(case)))[0]


def test_a_pack_holds_what_no_encoding_can_write_in_letters_that_end_no_element() -> None:
    packed = pack([HOSTILE])

    assert re.fullmatch(r"[A-Za-z0-9+/=]+", packed)
    assert unpack(packed) == [HOSTILE]


def test_each_packet_has_so_many_cases_in_the_order_of_the_index() -> None:
    cases = [passed_case(f"case-{number}") for number in range(PACKET + 1)]
    report = make_report(make_file(*cases))

    assert [len(unpack(packet)) for packet in packets(report)] == [PACKET, 1]
    assert [row[0] for row in index(report)["cases"]] == [case.result.name for case in cases]  # type: ignore[union-attr,index]  # it is JSON


def test_words_of_the_index_stand_once_and_rows_have_their_places() -> None:
    cases = [low_case("one", 0.9, 0.2, tags=("smoke",)), low_case("two", tags=("slow", "smoke")), failed_case("three")]
    data = index(make_report(make_file(*cases)))

    assert (data["files"], data["tags"], data["judges"]) == ([FILE], ["smoke", "slow"], ["exact"])
    rows: Any = data["cases"]
    assert [row[4] for row in rows] == [[0], [1, 0], []]
    assert [row[5] for row in rows] == ["failed", "failed", "error"]
    assert rows[0][6:10] == ["worse", 0.2, 0.9, True]


def test_a_trend_of_one_run_is_none() -> None:
    points = [
        TrendPoint(f"run-{day}", f"2026-11-2{day}", None, None, False, FILE, 3, 0, {"score": 0.5}) for day in (1, 2)
    ]
    file = dataclasses.replace(make_file(passed_case("one")), trend=tuple(points))

    assert index(make_report(file))["trends"] == {
        FILE: [["2026-11-21", "run-1", {"score": 0.5}, []], ["2026-11-22", "run-2", {"score": 0.5}, []]]
    }
    assert index(make_report(dataclasses.replace(file, trend=file.trend[:1])))["trends"] == {}


def test_a_case_has_its_texts_and_no_score_twice() -> None:
    texts = texts_of(low_case("one", 0.9, 0.2, output="new", output_before="old", expected={"a": 1}))

    assert [message[1] for message in texts["prompt"]] == ["Be kind.", "question of one"]
    assert (texts["before"], texts["trials"][0]["text"]) == ("old", "new")
    assert texts["expected"] == '{\n  "a": 1\n}'
    assert texts["scores"][0][:5] == ["exact", 0.2, False, 0.5, "expected something else of one"]
    assert "scores" not in texts["trials"][0]


def test_trials_have_scores_of_their_own_tool_calls_and_errors() -> None:
    low = Score("exact", 0.0, passed=False, explanation="no")
    response = Response("", tool_calls=(ToolCall("look_up", {"id": 7}),), latency=0.5)
    trials = (Trial(1, response, (low,), 0.0, passed=False), failed_case("x").result.trials or Trial(2, Response("b")))
    result = make_result("one", 0.5, trials=trials, scores=(dataclasses.replace(low, value=0.5),))
    found = texts_of(ReportedCase(result))["trials"]

    assert found[0]["scores"][0][1] == 0.0
    assert found[0]["calls"] == ['look_up({\n  "id": 7\n})']
    assert [trial["number"] for trial in found] == [1, 2]


def test_a_text_beyond_the_bound_says_how_much_is_left_out() -> None:
    texts = texts_of(low_case("one", output="a" * LONGEST_TEXT + "bcd"))

    assert texts["trials"][0]["text"].endswith("a\n… 3 more characters are left out of this report.")


@pytest.mark.parametrize(
    ("gates", "word", "mood", "text"),
    [
        ([REGRESSED], "regressed", "bad", "1 of 2 cases pass; 1 gate of 1 failed."),
        ([INCONCLUSIVE], "inconclusive", "unsure", "1 of 2 cases pass; no gate failed, 1 cannot tell."),
        ([PASSED], "passed", "good", "1 of 2 cases pass; no gate failed."),
        ([], "no gate", "plain", "No gate decides over this run. 1 of 2 cases pass."),
    ],
)
def test_the_headline_is_the_worst_verdict(gates: list[Any], word: str, mood: str, text: str) -> None:
    let_through = dataclasses.replace(low_case("one"), is_failure=False)
    found = headline(make_report(make_file(let_through, passed_case("two"), gates=gates)))

    assert (found.word, found.mood, found.text) == (word, mood, text)


def test_what_else_failed_in_the_session_is_no_success() -> None:
    report = make_report(make_file(passed_case("one"), gates=[PASSED]))
    found = headline(dataclasses.replace(report, failures=("evals/b.eval.yaml",)))
    failing = dataclasses.replace(passed_case("one"), is_failure=True)

    assert (found.word, found.mood) == ("failed", "bad")
    assert found.text == "1 of 1 case pass; no gate failed. Beside them, evals/b.eval.yaml failed."
    assert headline(make_report(make_file(failing, gates=[PASSED]))).text == "1 of 1 case pass; no gate failed."


def test_failures_beside_a_gate_that_cannot_tell_are_no_mere_doubt() -> None:
    found = headline(
        make_report(make_file(dataclasses.replace(low_case("one"), is_failure=True), gates=[INCONCLUSIVE]))
    )

    assert (found.word, found.mood) == ("failed", "bad")
    assert found.text == "0 of 1 case pass; no gate failed, 1 cannot tell."


def test_low_cases_of_which_nobody_knows_what_they_mean_are_no_success() -> None:
    found = headline(make_report(make_file(low_case("one"), passed_case("two"), gates=[PASSED])))

    assert (found.word, found.mood) == ("passed", "unsure")


def test_a_run_that_was_stopped_has_no_verdict() -> None:
    found = headline(make_report(make_file(failed_case("one"), gates=[PASSED]), status=RunStatus.INTERRUPTED))

    assert (found.word, found.mood) == ("stopped early", "unsure")
    assert found.text == "There is no verdict: not all cases were run; 0 of 1 case pass, 1 error."


def test_evidence_is_told_in_numbers_and_drawn_with_worse_at_the_left() -> None:
    row = gate_rows(make_report(make_file(low_case("one"), gates=[REGRESSED])))[0]

    assert dict(row.facts) == {
        "before": "0.900",
        "now": "0.600",
        "change": "-0.300",
        "95 % interval": "-0.400 to -0.200",
        "by chance, in runs": "1 of 1,000",
        "allowed": "0.100",
        "cases": "12",
    }
    assert row.interval is not None
    assert row.interval.low < row.interval.change < row.interval.high < row.interval.limit < 100
    assert row.interval.text == "change -0.300, 95 % interval -0.400 to -0.200; up to 0.100 less is allowed"


def test_evidence_of_no_change_and_of_no_interval_is_not_drawn() -> None:
    for effect in (Effect(SCORE, 1.0, 1.0, 0.0, 0.0, 0.0), Effect(SCORE, 1.0, 1.0, 0.0)):
        gate = dataclasses.replace(PASSED, evidence=Evidence(effect, 0.0, 0.95))
        assert gate_rows(make_report(make_file(passed_case("one"), gates=[gate])))[0].interval is None


def test_effects_stand_in_a_table_where_something_was_compared() -> None:
    table = effect_table(make_file(low_case("one", 0.9), effects=(DROP.effect,)))

    assert table is not None
    assert table.rows == (("score", "0.900", "0.600", "-0.300", "-0.400 to -0.200", "1 of 1,000"),)
    assert effect_table(make_file(passed_case("one"))) is None


def test_scores_are_broken_down_by_judge_and_by_what_has_several_values() -> None:
    cases = [low_case("one", 0.9, 0.2, tags=("smoke",)), low_case("two", 0.9, 0.4, tags=("slow",))]
    tables = {table.title: table for table in breakdowns(make_report(make_file(*cases)))}

    assert list(tables) == ["By judge", "By tag"]
    assert tables["By judge"].rows == (("exact", "2", "0.0%", "0.300"),)
    assert [row[:6] for row in tables["By tag"].rows] == [
        ("slow", "1", "0.0%", "0", "0.400", "-0.500"),
        ("smoke", "1", "0.0%", "0", "0.200", "-0.700"),
    ]


def test_of_very_many_tags_the_most_used_are_shown_and_that_is_said() -> None:
    cases = [low_case(f"case-{number}", tags=("often", f"tag-{number}")) for number in range(50)]
    table = breakdowns(make_report(make_file(*cases)))[1]

    assert (len(table.rows), table.rows[0][0]) == (40, "often")
    assert table.note == "The 40 most used of 51."


def test_the_policy_of_the_page_allows_just_its_own_scripts_and_style() -> None:
    page = HtmlReport().render(make_report(make_file(low_case("one"))))
    policy = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)[0].replace("&#39;", "'")
    inline = re.findall(r"<script>(.*?)</script>", page, re.DOTALL) + re.findall(
        r"<style>(.*?)</style>", page, re.DOTALL
    )
    hashes = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in inline}

    assert len(inline) == 3
    assert set(re.findall(r"'sha256-([^']*)'", policy)) == hashes
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


def test_what_models_wrote_is_escaped_where_it_stands_in_the_page_itself() -> None:
    case = low_case(HOSTILE, output=HOSTILE, expected=HOSTILE)
    page = HtmlReport().render(make_report(make_file(case, gates=[dataclasses.replace(PASSED, explanation=HOSTILE)])))

    page.encode("utf-8")
    assert "<img" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;\\x00\\u202e\\ud800") >= 4
    assert not set("\x00\u202e\ud800\u2028") & set(page)


def test_what_changed_is_told_with_the_diff_of_the_prompt() -> None:
    page = HtmlReport().render(make_report(make_file(low_case("one", 0.9), gates=[REGRESSED], changes=CHANGES)))

    assert '<div class="gone">-Be kind.</div>' in page
    assert '<div class="come">+Be short.</div>' in page
    assert "model: openai/old, now openai/new (12 cases)" in page


def test_only_the_worst_failing_cases_stand_in_the_page_itself() -> None:
    cases = [low_case(f"case-{number}", 1.0, number / 100) for number in range(60)]
    page = HtmlReport().render(make_report(make_file(*cases)))

    assert page.count("<article>") == 50
    assert "case-49" in page
    assert "case-50" not in page
    assert "… and 10 more." in page


def test_a_report_of_nothing_is_a_page() -> None:
    page = HtmlReport().render(make_report())

    assert "No gate is set." in page
    assert "No case has a result." in page
    assert Verdict.REGRESSED.value not in page.split("<script", maxsplit=1)[0].split("</style>")[1]
