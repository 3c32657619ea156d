"""Two runs beside each other as one web page that needs nothing else: no script, no picture, no font from elsewhere."""

from __future__ import annotations

from importlib import resources

from pytest_promptevals.reports.comparison_view import LEGEND, METRIC_HEADS, ComparisonView

TEMPLATE = "comparison.html.j2"
"""The page, in the package ``pytest_promptevals.reports``."""


def comparison_html(view: ComparisonView) -> str:
    """Return the report as a page. All texts are escaped; it is readable in light and dark, and on paper."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - for this format alone

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    source = resources.files("pytest_promptevals.reports").joinpath(TEMPLATE).read_text(encoding="utf-8")
    page: str = environment.from_string(source).render(view=view, heads=METRIC_HEADS, legend=LEGEND)
    return page
