"""The HTML report in a real browser: headless Chromium, which Debian's package ``chromium`` has."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright import sync_api

from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import Score
from pytest_promptevals.records.run_reports import ReportedCase, ReportedFile, RunReport
from pytest_promptevals.records.trends import TrendPoint
from pytest_promptevals.reports.html_report import HtmlReport
from tests.support.hostile import hostile_strings, marker
from tests.support.run_reports import CHANGES, REGRESSED, low_case, make_file, make_report, passed_case
from tests.support.sample_results import FILE

CHROMIUM = shutil.which("chromium")
if CHROMIUM is None and not os.environ.get("CI"):
    pytest.skip("there is no Chromium here; Debian's package is called chromium", allow_module_level=True)
SCRIPT = "<script>window.owned = 1</script><img src=x onerror='window.owned = 2'><a href='javascript:owned=3'>x</a>"


@dataclass(slots=True)
class Opened:
    """A page in a browser, with what went wrong in it."""

    page: Any
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def rows(self) -> list[str]:
        """The names of the cases that are in sight."""
        return [text.strip() for text in self.page.locator("#table .body .row .cell.name").all_inner_texts()]

    def wait_for(self, expression: str) -> None:
        """Wait until an expression holds; the page's policy forbids Playwright's own way."""
        end = time.monotonic() + 20
        while not self.page.evaluate(expression):
            assert time.monotonic() < end, expression
            self.page.wait_for_timeout(20)

    def count(self) -> str:
        """What is said of how many cases there are."""
        return str(self.page.locator("#count").inner_text())


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser for all tests."""
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Open a report; whatever goes wrong in its page fails the test."""
    pages: list[Opened] = []

    def open_report(report: RunReport, fragment: str = "", **context: Any) -> Opened:
        path = tmp_path / "report.html"
        path.write_text(HtmlReport().render(report), encoding="utf-8")
        opened = Opened(browser.new_context(**context).new_page())
        pages.append(opened)
        opened.page.on("console", lambda told: opened.errors.append(told.text) if told.type == "error" else None)
        opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.goto(path.as_uri() + fragment)
        opened.page.wait_for_selector("[data-ready]")
        return opened

    yield open_report
    for opened in pages:
        assert opened.errors == []
        assert len(opened.requests) == 1, "the page itself, and nothing else"
        opened.page.context.close()


def a_report() -> RunReport:
    """A run that fell, with cases of each kind."""
    cases = [
        low_case("refund", 1.0, 0.2, output="Your refund is late.", output_before="Your refund is on its way.", line=3),
        low_case("greeting", 0.9, 0.4, output="Hi.", line=5, tags=("smoke",)),
        *(passed_case(f"fine-{number:03}") for number in range(60)),
    ]
    return make_report(make_file(*cases, gates=[REGRESSED], changes=CHANGES, has_baseline=True, baseline="run x"))


def test_the_verdict_stands_first_and_the_worst_cases_lead(show: Callable[..., Opened]) -> None:
    opened = show(a_report())

    assert "regressed" in opened.page.locator("h1").inner_text().lower()
    assert opened.rows[:2] == ["refund", "greeting"]
    assert opened.count() == "62 cases"
    assert opened.page.locator("#changes").inner_text().count("Be short.") == 1
    assert opened.page.locator("#scatter canvas").count() == 1


def test_cases_are_searched_filtered_and_sorted(show: Callable[..., Opened]) -> None:
    opened = show(a_report())
    opened.page.keyboard.press("/")
    opened.page.keyboard.type("refund late")
    opened.wait_for("document.getElementById('count').textContent.startsWith('1 of')")
    assert opened.rows == ["refund"]

    opened.page.get_by_role("button", name="Clear").click()
    opened.page.select_option("#by-status", "failed")
    assert opened.rows == ["refund", "greeting"]

    opened.page.select_option("#by-status", "")
    opened.page.locator("#table .head .score button").click()
    opened.page.locator("#table .head .score button").click()
    assert opened.rows[0].startswith("fine-")


def a_report_of_two_files() -> RunReport:
    """Cases that differ in all that can be chosen."""
    scores = (Score("tone", 0.2, passed=False, explanation="too rude"), Score("exact", 1.0, passed=True))
    rude = low_case("rude", 1.0, 0.2, tags=("smoke", "late"), model="openai/other", prompt_name="short")
    rude = dataclasses.replace(rude, result=dataclasses.replace(rude.result, scores=scores))
    elsewhere = dataclasses.replace(passed_case("elsewhere").result, file="evals/billing/long-name.eval.yaml")
    other = dataclasses.replace(make_file(ReportedCase(elsewhere)).comparison, file=elsewhere.file)
    own = make_file(rude, low_case("wrong", 0.2, 0.2, tags=("late",)), gates=[REGRESSED])
    return make_report(ReportedFile(other, (ReportedCase(elsewhere),)), own)


@pytest.mark.parametrize(
    ("select", "label", "names"),
    [
        ("by-file", "evals/billing/long-name.eval.yaml", ["elsewhere"]),
        ("by-tag", "late", ["rude", "wrong"]),
        ("by-tag", "smoke", ["rude"]),
        ("by-judge", "tone", ["rude"]),
        ("by-judge", "exact", ["wrong"]),
        ("by-model", "openai/other", ["rude"]),
        ("by-prompt", "short", ["rude"]),
        ("by-change", "passed before, fails now", ["rude"]),
        ("by-change", "worse", ["rude", "wrong"]),
        ("by-status", "passed", ["elsewhere"]),
    ],
)
def test_each_filter_leaves_what_it_names(
    show: Callable[..., Opened], select: str, label: str, names: list[str]
) -> None:
    opened = show(a_report_of_two_files())
    assert len(opened.rows) == 3
    opened.page.select_option(f"#{select}", label=label)

    assert sorted(opened.rows) == names


def test_a_filter_that_has_nothing_to_choose_from_is_not_there(show: Callable[..., Opened]) -> None:
    opened = show(a_report())

    assert opened.page.locator("#by-status").is_visible()
    assert opened.page.locator("#by-judge").is_visible()
    assert not opened.page.locator("#by-file").is_visible()
    assert not opened.page.locator("#by-model").is_visible()


def test_the_address_keeps_what_is_searched_filtered_and_sorted_by(show: Callable[..., Opened]) -> None:
    opened = show(a_report_of_two_files())
    opened.page.select_option("#by-tag", label="late")
    opened.page.fill("#search", "question")
    for _ in range(2):
        opened.page.locator("#table .head .name button").click()
    assert opened.rows == ["wrong", "rude"]
    link = opened.page.url
    assert link.endswith("#cases?search=question&tag=late&sort=-name")

    again = show(a_report_of_two_files(), link[link.index("#") :])
    again.wait_for("document.getElementById('count').textContent === '2 of 3 cases'")
    assert again.rows == ["wrong", "rude"]
    again.page.locator("#table .body .row").first.click()
    again.page.locator("#case").wait_for(state="visible")
    again.page.keyboard.press("Escape")
    again.wait_for("location.hash.startsWith('#cases?')")
    assert again.rows == ["wrong", "rude"]
    again.page.get_by_role("button", name="Clear").click()
    again.wait_for("location.hash === '#cases?sort=-name'")


def test_a_link_with_words_that_this_report_does_not_have_shows_all(show: Callable[..., Opened]) -> None:
    opened = show(a_report_of_two_files(), "#cases?tag=gone&status=gone&sort=gone&judge=tone")

    assert opened.rows == ["rude"]
    assert opened.page.evaluate("document.getElementById('by-status').selectedIndex") == 0
    opened.page.get_by_role("button", name="Clear").click()
    opened.wait_for("location.hash === '#cases'")
    assert opened.count() == "3 cases"


def test_files_are_told_apart_where_there_is_little_room(show: Callable[..., Opened]) -> None:
    opened = show(a_report_of_two_files())
    cells = opened.page.locator("#table .body .cell.file")

    assert sorted(set(cells.all_inner_texts())) == ["billing/long-name", "support"]
    titles = {cells.nth(place).get_attribute("title") for place in range(3)}
    assert titles == {"evals/billing/long-name.eval.yaml", "evals/support.eval.yaml"}


def test_a_run_without_results_has_nothing_to_draw_or_search(show: Callable[..., Opened]) -> None:
    opened = show(make_report())

    for section in ("charts", "breakdowns", "cases"):
        assert not opened.page.locator(f"#{section}").is_visible()
        assert not opened.page.locator(f"nav a[href='#{section}']").is_visible()
    assert opened.page.locator("#verdicts").is_visible()
    assert "No case has a result." in str(opened.page.locator("#failing").text_content())


def test_runs_are_told_apart_by_day_minute_or_second(show: Callable[..., Opened]) -> None:
    moments = ("2026-11-20T08:00:00", "2026-11-21T08:00:00", "2026-11-22T09:30:01", "2026-11-22T09:30:59")
    points = tuple(
        TrendPoint(
            moment, f"{moment}+00:00", None, None, is_dirty=False, file=FILE, cases=1, errors=0, values={"score": 0.5}
        )
        for moment in moments
    )
    file = dataclasses.replace(make_file(passed_case("a")), trend=points)
    opened = show(make_report(file))

    labels = [opened.page.evaluate(f"momentOf(DATA.trends[trendFile()], {place})") for place in range(4)]
    assert labels == ["2026-11-20", "2026-11-21", "09:30:01", "09:30:59"]
    assert "2026-11-22 09:30:59" in str(opened.page.locator("#trend table").text_content())


def test_a_case_opened_right_after_another_was_closed_stays_open(show: Callable[..., Opened]) -> None:
    opened = show(a_report())
    opened.page.evaluate("openCase(0)")
    opened.page.locator("#case").wait_for(state="visible")
    opened.page.evaluate("document.getElementById('case').addEventListener('close', () => openCase(1), {once: true})")
    opened.page.keyboard.press("Escape")
    opened.wait_for("document.getElementById('case-title').textContent === 'greeting'")
    opened.page.wait_for_timeout(100)

    assert opened.page.locator("#case").is_visible()
    assert opened.page.url.endswith("greeting")


def test_a_case_is_opened_by_mouse_and_keyboard(show: Callable[..., Opened]) -> None:
    opened = show(a_report())
    case = opened.page.locator("#case")
    opened.page.locator("#table .body .row").first.click()
    case.wait_for(state="visible")
    text = case.inner_text()
    assert [
        part for part in ("Your refund is late.", "question of refund", "expected something else") if part not in text
    ] == []
    assert case.locator("del, .gone").count() >= 1, "what differs is marked"
    opened.page.keyboard.press("ArrowRight")
    opened.wait_for("document.getElementById('case-title').textContent === 'greeting'")
    assert opened.page.url.endswith("greeting")
    opened.page.keyboard.press("Escape")
    case.wait_for(state="hidden")

    opened.page.locator("#table").focus()
    for key in ("ArrowDown", "Enter"):
        opened.page.keyboard.press(key)
    case.wait_for(state="visible")


def test_a_link_opens_its_case(show: Callable[..., Opened]) -> None:
    opened = show(a_report(), "#case=" + "evals%2Fsupport.eval.yaml%3A%3Agreeting")

    opened.page.locator("#case").wait_for(state="visible")
    assert opened.page.locator("#case-title").inner_text() == "greeting"


def test_a_link_to_a_case_that_is_not_there_says_so(show: Callable[..., Opened]) -> None:
    opened = show(a_report(), "#case=gone", viewport={"width": 800, "height": 500})

    assert opened.count() == "The case of this link is not in the report."
    opened.wait_for("document.getElementById('count').getBoundingClientRect().top < innerHeight")


def test_the_browsers_back_closes_a_case_and_stays_on_the_page(show: Callable[..., Opened]) -> None:
    opened = show(a_report())
    case = opened.page.locator("#case")
    opened.page.locator("#table .body .row").first.click()
    case.wait_for(state="visible")
    opened.page.keyboard.press("ArrowRight")
    opened.wait_for("document.getElementById('case-title').textContent === 'greeting'")
    opened.page.go_back()
    case.wait_for(state="hidden")
    assert "#case" not in opened.page.url
    opened.page.go_forward()
    case.wait_for(state="visible")
    opened.page.keyboard.press("Escape")
    case.wait_for(state="hidden")
    opened.wait_for("!location.hash.startsWith('#case')")
    assert opened.page.url.startswith("file://")


def test_forward_before_a_dialog_has_told_of_its_end_does_not_go_back_again(show: Callable[..., Opened]) -> None:
    opened = show(a_report())
    case = opened.page.locator("#case")
    opened.page.locator("#table .body .row").first.click()
    case.wait_for(state="visible")
    link = opened.page.evaluate("location.hash")
    forward = "() => { history.pushState('case', '', link); window.isForward = true; }"
    opened.page.evaluate(f"link => addEventListener('close', {forward}, {{capture: true, once: true}})", link)
    opened.page.go_back()
    opened.wait_for("window.isForward === true")
    opened.page.wait_for_timeout(100)

    assert opened.page.evaluate("location.hash") == link


def test_of_several_trials_the_worst_is_shown_and_named(show: Callable[..., Opened]) -> None:
    case = low_case("lucky", 1.0, 0.67, output_before="7")
    (failed,) = case.result.trials
    texts = (("7", True, 1.0), ("13", False, 0.0), ("7", True, 1.0))
    trials = tuple(
        dataclasses.replace(failed, number=number, response=Response(text), passed=passed, score=score)
        for number, (text, passed, score) in enumerate(texts, start=1)
    )
    result = dataclasses.replace(case.result, trials=trials, expected="7")
    opened = show(
        make_report(make_file(dataclasses.replace(case, result=result))), "#case=evals%2Fsupport.eval.yaml%3A%3Alucky"
    )
    body = opened.page.locator("#case-body")
    body.wait_for(state="visible")

    assert "Output of trial 2, the worst" in body.inner_text()
    assert "Both are the same" not in body.inner_text()
    assert "answered 13" in " ".join(opened.page.locator("#failing").text_content().split()).lower()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_by_day_and_by_night(show: Callable[..., Opened], scheme: str) -> None:
    opened = show(a_report(), viewport={"width": 360, "height": 740}, color_scheme=scheme)

    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 360
    opened.page.evaluate("openCase(0)")
    opened.page.locator("#case").wait_for(state="visible")
    said = (
        "[...document.querySelectorAll('.judges td[data-head]')].map((td) => getComputedStyle(td, '::before').content)"
    )
    assert opened.page.evaluate(said)[:2] == ['"score "', '"passes at "']
    opened.page.locator("#case-close").click()
    dark = opened.page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g)[0] < 100")
    assert dark is (scheme == "dark")
    opened.page.locator("#theme").click()
    assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g)[0] < 100") is not dark


def test_paper_has_the_verdicts_and_the_failing_cases(show: Callable[..., Opened]) -> None:
    opened = show(a_report())
    opened.page.emulate_media(media="print")

    assert opened.page.locator("#verdicts").is_visible()
    assert opened.page.get_by_text("expected something else of refund").first.is_visible()
    assert not opened.page.locator("#filters").is_visible()
    assert opened.page.locator("main details:not([open])").count()
    width = "document.querySelector('#distribution canvas').getBoundingClientRect().width"
    on_screen = opened.page.evaluate(width)
    opened.page.locator("#theme").evaluate("button => button.click()")
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert not opened.page.locator("main details:not([open])").count()
    assert opened.page.evaluate(width) == 320 < on_screen, "two charts fit beside each other on paper"
    assert opened.page.evaluate("document.documentElement.dataset.theme") == "light"
    opened.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened.page.locator("main details:not([open])").count()
    assert opened.page.evaluate(width) > 320
    assert opened.page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_without_scripts_the_verdicts_are_there(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(HtmlReport().render(a_report()), encoding="utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())

    assert page.locator("#verdicts").inner_text().count("mean score fell by 0.300") == 1
    assert "This browser runs no script here." in page.locator("noscript").inner_text()
    context.close()


def hostile_case(number: int, text: str) -> ReportedCase:
    case = low_case(f"case-{number}", 1.0, 0.2, output=text, output_before=text[::-1], line=number + 1)
    if number % 10:
        return case
    score = dataclasses.replace(case.result.scores[0], explanation=text)
    return dataclasses.replace(case, result=dataclasses.replace(case.result, scores=(score,), name=text[:200]))


def test_nothing_that_models_wrote_runs_or_breaks_the_page(show: Callable[..., Opened]) -> None:
    texts = [SCRIPT, "</script>" + SCRIPT, *hostile_strings(10_000)]
    file: ReportedFile = make_file(*(hostile_case(number, text) for number, text in enumerate(texts)))
    opened = show(make_report(file))

    assert opened.count() == "10,002 cases"
    for number in (0, 9, 500, 4321, 10_001):
        opened.page.evaluate(f"openCase({number})")
        opened.page.locator("#case").wait_for(state="visible")
        if number > 1:
            assert marker(number - 2) in opened.page.locator("#case-body").inner_text()
        opened.page.keyboard.press("Escape")
        opened.wait_for("openNumber === -1")
    assert opened.page.evaluate("window.owned") is None
