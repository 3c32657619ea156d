"""Options that choose runs of the history, the same for all commands."""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Callable
from typing import Any, Final

import click

from pytest_promptevals.records.comparisons import WORST_FIRST
from pytest_promptevals.records.run_filters import RunFilter
from pytest_promptevals.records.runs import RunKind, RunStatus

_AGO: Final = re.compile(r"(\d+)\s*(min|h|d|w)")
_UNITS: Final = {"min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_age(text: str) -> dt.timedelta:
    """Return the time that ``30d``, ``12h``, ``90min`` or ``2w`` means. Raises ``ValueError`` for anything else."""
    found = _AGO.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no time: write it as 90min, 12h, 30d or 2w")
    try:
        return dt.timedelta(**{_UNITS[found[2]]: int(found[1])})
    except OverflowError:
        raise ValueError(f"{text!r} is longer than there are dates") from None


def before(age: dt.timedelta) -> str:
    """Return the time so long ago as the history writes times. Raises ``ValueError`` before the first year."""
    try:
        return _written(dt.datetime.now(dt.UTC) - age)
    except OverflowError:
        raise ValueError(f"{age.days} days ago there were no dates yet") from None


def read_moment(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return a date, a time of one (both UTC), or how long ago, as the history writes times: an option's callback."""
    del ctx, param
    if value is None:
        return None
    try:
        return before(parse_age(value)) if _AGO.fullmatch(value.strip()) else _written(dt.datetime.fromisoformat(value))
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is no time: write a date (2026-11-20), a time of it (2026-11-20T14:30, UTC), or how long ago "
            "(7d, 12h)"
        ) from None


def read_age(ctx: click.Context, param: click.Parameter, value: str | None) -> dt.timedelta | None:
    """Return how long ``30d``, ``12h`` or ``2w`` is: an option's callback."""
    del ctx, param
    try:
        return None if value is None else parse_age(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


class _Status(click.Choice[str]):
    """A choice whose words may be written with blanks, as tables show them."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return super().convert(value.replace(" ", "-"), param, ctx)


_VERDICTS: Final = {verdict.value.replace(" ", "-"): verdict for verdict in WORST_FIRST}
_STATUSES: Final = (*(status.value for status in RunStatus), *_VERDICTS)
_OPTIONS: Final = (
    click.option("--file", metavar="FILE", help="With results of that eval file; the end of its path will do."),
    click.option("--branch", metavar="NAME", help="Made on that branch."),
    click.option("--commit", metavar="HASH", help="Made at that commit; the beginning of its hash will do."),
    click.option("--model", metavar="MODEL", help="That asked that model: provider/model, or the name alone."),
    click.option("--tag", metavar="TAG", help="With a case that has that tag."),
    click.option(
        "--since",
        metavar="TIME",
        callback=read_moment,
        help="Begun then or later: 2026-11-20, 2026-11-20T14:30 (UTC), or 7d ago.",
    ),
    click.option("--until", metavar="TIME", callback=read_moment, help="Begun before that."),
    click.option(
        "--status",
        type=_Status(_STATUSES),
        metavar="STATUS",
        help=f"How far they got, or the worst of their verdicts: {', '.join(_STATUSES)}.",
    ),
    click.option("--name", metavar="NAME", help="Saved under that name, as a baseline."),
    click.option("--kind", type=click.Choice([kind.value for kind in RunKind]), help="What they are."),
)
_NAMES: Final = ("file", "branch", "commit", "model", "tag", "since", "until", "status", "name", "kind")


def run_filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that choose runs, together as its argument ``wanted``, a ``RunFilter``."""

    @functools.wraps(command)
    def with_filter(*arguments: Any, **options: Any) -> Any:
        given = {name: options.pop(name) for name in _NAMES}
        status, kind = given["status"], given["kind"]
        given["verdict"] = _VERDICTS.get(status)
        given["status"] = None if status is None or status in _VERDICTS else RunStatus(status)
        given["kind"] = None if kind is None else RunKind(kind)
        return command(*arguments, **options, wanted=RunFilter(**given))

    for option in reversed(_OPTIONS):
        with_filter = option(with_filter)
    return with_filter


def _written(moment: dt.datetime) -> str:
    utc = moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
    return utc.isoformat(timespec="milliseconds")
