"""What values settings may have, and how they are read from options, the environment and ini files."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias

from pytest_promptevals.errors import UsageError, did_you_mean, percent_hint
from pytest_promptevals.records.notifications import Event
from pytest_promptevals.records.references import FILE, check_name, check_reference

Kind: TypeAlias = Literal["text", "whole number", "number", "list", "flag", "name"]
Value: TypeAlias = "str | int | float | bool | tuple[str, ...] | None"

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
PREFIX: Final = "PROMPTEVALS_"
"""What the environment variables of all settings begin with."""
POSTGRES_SCHEME: Final = "postgresql+psycopg://"
"""What the URL of a history in PostgreSQL begins with."""
_FILES: Final = {"history": f", {POSTGRES_SCHEME}USER@HOST/DATABASE, or off", "cache_file": ""}
"""Settings that name an SQLite file, and what else they may be."""
_SHARES: Final = frozenset({"max_cost_increase"})
"""Settings that are shares of 1, and may be larger."""
_FALSE: Final = frozenset({"", "0", "false", "no", "off"})


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table."""

    name: str
    """Field of ``Settings``."""
    kind: Kind
    """What a value looks like."""
    default: Value
    """Value where the user says nothing."""
    help: str
    """One sentence."""
    choices: tuple[str, ...] = ()
    """All values it may have; empty if any."""
    minimum: float | None = None
    """Smallest number it may be."""
    maximum: float | None = None
    """Largest number it may be."""
    is_ini_only: bool = False
    """Whether it has neither an option nor an environment variable, as a run of pytest does not ask for it."""

    @property
    def option(self) -> str:
        """Command-line option."""
        return "--evals-" + self.name.replace("_", "-")

    @property
    def ini(self) -> str:
        """Key in pytest's ini file."""
        return "evals_" + self.name

    @property
    def variable(self) -> str:
        """Environment variable."""
        return PREFIX + self.name.upper()

    @property
    def is_file(self) -> bool:
        """Whether it names an SQLite file."""
        return self.name in _FILES

    @property
    def shown_default(self) -> str:
        """The default as a user would write it."""
        if self.default in (None, (), ""):
            return "none"
        if isinstance(self.default, tuple):
            return " ".join(self.default)
        return str(self.default).lower() if isinstance(self.default, bool) else str(self.default)

    def parse(self, value: object, source: str) -> Value:
        """Return a value from an option, the environment or an ini file. Raises ``UsageError`` naming ``source``."""
        try:
            parsed = _PARSERS[self.kind](value)
        except ValueError as error:
            raise UsageError(f"{source}: {value!r} is not a {error}{self._hint_at_share(value)}.") from None
        if self.name in _CHECKS:
            try:
                for item in parsed if isinstance(parsed, tuple) else [parsed]:
                    _CHECKS[self.name](str(item))
            except ValueError as error:
                raise UsageError(f"{source}: {error}") from None
        if self.choices and parsed not in self.choices:
            hint = did_you_mean(str(parsed), self.choices)
            raise UsageError(f"{source}: {parsed!r} is none of: {', '.join(self.choices)}.{_close(hint)}")
        if self.minimum is not None and isinstance(parsed, int | float) and parsed < self.minimum:
            raise UsageError(f"{source}: {parsed} is too small; the smallest is {self.minimum:g}.")
        if self.maximum is not None and isinstance(parsed, int | float) and parsed > self.maximum:
            hint = self._hint_at_share(value)
            raise UsageError(f"{source}: {parsed} is too large; the largest is {self.maximum:g}{hint}.")
        if self.is_file:
            self._check_place(str(parsed), source)
        return parsed

    def _hint_at_share(self, value: object) -> str:
        is_share = self.name in _SHARES or (self.kind == "number" and self.maximum is not None and self.maximum <= 1)
        return percent_hint(value) if is_share else ""

    def _check_place(self, place: str, source: str) -> None:
        scheme, is_url, rest = place.partition("://")
        if self.name == "history" and scheme + is_url == POSTGRES_SCHEME and rest:
            return
        if not place or is_url or place == ":memory:":
            shown = f"{scheme}://…" if is_url else place  # the rest may hold a password
            raise UsageError(f"{source}: {shown!r} names no file; write the name of an SQLite file{_FILES[self.name]}.")


def _close(hint: str) -> str:
    return hint if "Did you mean" in hint else ""


def _parse_text(value: object) -> Value:
    if not isinstance(value, str):
        raise ValueError("text")  # noqa: TRY004 - all parsers report one error type
    return value.strip()


def _parse_whole_number(value: object) -> Value:
    try:
        return int(str(value))
    except ValueError:
        raise ValueError("whole number") from None


def _parse_number(value: object) -> Value:
    try:
        number = float(str(value))
    except ValueError:
        raise ValueError("number") from None
    if not math.isfinite(number):
        raise ValueError("finite number")
    return number


def _parse_name(value: object) -> Value:
    text = str(value).strip()
    if text.lower() in _TRUE:
        return FILE
    return "" if text.lower() in _FALSE else text


def _parse_list(value: object) -> Value:
    if isinstance(value, str):
        return tuple(value.split())
    if isinstance(value, list | tuple):
        return tuple(str(item) for item in value)
    raise ValueError("list")


def _parse_flag(value: object) -> Value:
    text = str(value).strip().lower()
    if text not in _TRUE | _FALSE:
        raise ValueError("yes or no")
    return text in _TRUE


_PARSERS: Final[Mapping[Kind, Callable[[object], Value]]] = {
    "text": _parse_text,
    "whole number": _parse_whole_number,
    "number": _parse_number,
    "list": _parse_list,
    "flag": _parse_flag,
    "name": _parse_name,
}


def _check_changed(text: str) -> None:
    if text:
        check_reference(text)


def _check_saved(text: str) -> None:
    if text not in ("", FILE):
        check_name(text)


def _check_report(text: str) -> None:
    form, is_pair, file = text.partition("=")
    if not (form and is_pair and file):
        raise ValueError(
            f"{text!r} is no pair of a format and a file; write it as FORMAT=FILE, such as html=report.html"
        )


def _check_event(text: str) -> None:
    events = [event.value for event in Event]
    if text not in events:
        raise ValueError(f"{text!r} is none of: {', '.join(events)}.{_close(did_you_mean(text, events))}")


_CHECKS: Final[Mapping[str, Callable[[str], None]]] = {
    "baseline": check_reference,
    "changed": _check_changed,
    "notify_on": _check_event,
    "report": _check_report,
    "save_baseline": _check_saved,
}
"""Settings whose values follow rules of their own; the functions raise ``ValueError`` with the whole sentence."""
