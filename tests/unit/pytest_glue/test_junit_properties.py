from __future__ import annotations

import dataclasses
from xml.etree import ElementTree as ET

from pytest_promptevals.pytest_glue.junit_properties import case_properties, gate_properties
from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import Score, Trial
from tests.support.hostile import hostile_strings, marker
from tests.support.run_reports import PASSED, REGRESSED, failed_case
from tests.support.sample_results import make_result


def test_a_case_has_its_scores_and_what_they_rest_on() -> None:
    score = Score("exact", 0.25, passed=False, threshold=0.5, explanation="not\nthat")
    free = Score("tone", 1 / 3, passed=True)
    trial = Trial(1, Response("x", latency=0.5, cost=0.001), (score, free), 0.25, passed=False)
    result = make_result(score=0.25, passed=False, trials=(trial, trial), scores=(score, free))

    assert case_properties(result) == [
        ("score", "0.25"),
        ("passed", "false"),
        ("cost", "0.002"),
        ("model", "openai/gpt-5-mini"),
        ("trials", "2"),
        ("latency", "0.5"),
        ("judges.exact", "0.25"),
        ("judges.exact.threshold", "0.5"),
        ("judges.tone", "0.333333"),
        ("explanation", "exact: not that"),
    ]


def test_a_case_without_a_score_says_why() -> None:
    assert case_properties(failed_case("down").result) == [
        ("score", "none"),
        ("passed", "none"),
        ("cost", "unknown"),
        ("model", "openai/gpt-5-mini"),
        ("trials", "0"),
        ("explanation", "the server is down"),
    ]


def test_a_gate_has_its_verdict_and_the_numbers_of_a_comparison() -> None:
    assert gate_properties(PASSED) == [("verdict", "passed"), ("explanation", "it is enough")]
    assert gate_properties(REGRESSED) == [
        ("verdict", "regressed"),
        ("explanation", "mean score fell by 0.300"),
        ("p", "0.002"),
        ("before", "0.9"),
        ("after", "0.6"),
        ("worse_by", "0.3"),
        ("worse_by_low", "0.2"),
        ("worse_by_high", "0.4"),
        ("limit", "0.1"),
        ("confidence", "0.95"),
    ]


def test_hostile_texts_are_valid_in_xml_and_not_long() -> None:
    suite = ET.Element("properties")
    for number, text in enumerate(hostile_strings(10_000)):
        score = Score(text[:100], 0.0, passed=False, explanation=text)
        properties = case_properties(dataclasses.replace(make_result(score=0.0), model=text, scores=(score,)))
        for name, value in properties:
            ET.SubElement(suite, "property", name=name, value=str(value))
        _, explanation = properties[-1]
        assert marker(number) in str(explanation)
        assert len(str(explanation)) <= 2000

    again = ET.fromstring(ET.tostring(suite, encoding="utf-8"))  # noqa: S314 - made by the line above
    assert [item.attrib for item in again] == [item.attrib for item in suite]
