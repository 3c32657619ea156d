"""Where the history is: an SQLite file, or a PostgreSQL database."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import unquote

from pytest_promptevals.setting_kinds import POSTGRES_SCHEME

OFF: Final = "off"
"""The setting that keeps no history."""

_FOLDER: Final = ".promptevals"
_RESERVED: Final = re.compile(r"[/?#@\s]")
_PASSWORD: Final = re.compile(r"password=([^&]+)")
_UNFIT: Final = re.compile(r"[^\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class PostgresPlace:
    """A PostgreSQL database."""

    url: str = field(repr=False)
    """``postgresql+psycopg://…``, as the user wrote it; it may hold a password."""
    folder: Path
    """Where results are kept that the database does not take."""

    @property
    def conninfo(self) -> str:
        """The URL as PostgreSQL's own library reads it, password included."""
        return "postgresql://" + self._rest

    @property
    def is_escaped(self) -> bool:
        """Whether it is clear where user and password end."""
        return not _RESERVED.search(self._user_info)

    @property
    def beside(self) -> Path:
        """Path that the names of files with results begin with which the database did not take."""
        return self.folder / f"history-{_UNFIT.sub('-', self._address).strip('-') or 'postgresql'}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What of the URL nobody may see: passwords, as they are written and as they are meant."""
        written = [self._user_info.partition(":")[2], *_PASSWORD.findall(self._rest.partition("?")[2])]
        return tuple(form for text in written for form in (text, unquote(text)) if form)

    def __str__(self) -> str:
        """Return the URL without password and parameters."""
        user = _RESERVED.split(self._user_info.partition(":")[0])[0]
        return f"{POSTGRES_SCHEME}{user}@{self._address}" if self._user_info else f"{POSTGRES_SCHEME}{self._address}"

    @property
    def _rest(self) -> str:
        return self.url.removeprefix(POSTGRES_SCHEME)

    @property
    def _user_info(self) -> str:
        # Up to the last @: a password that is not escaped must not pass for an address.
        return self._rest.rpartition("@")[0]

    @property
    def _address(self) -> str:
        return self._rest.rpartition("@")[2].partition("?")[0]


Place: TypeAlias = Path | PostgresPlace


def locate_history(rootdir: Path, setting: str) -> Place:
    """Return the place that the setting ``evals_history`` names, unless it is ``OFF``."""
    if setting.startswith(POSTGRES_SCHEME):
        return PostgresPlace(setting, rootdir / _FOLDER)
    return rootdir / setting


def setting_of(place: Place) -> str:
    """Return what ``evals_history`` says where it names that place; it may hold a password."""
    return place.url if isinstance(place, PostgresPlace) else str(place)


def path_beside(place: Place) -> Path:
    """Return what the names of files begin with in which results wait for the history."""
    return place if isinstance(place, Path) else place.beside
