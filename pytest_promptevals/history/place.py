"""Where the history is: an SQLite file, or a PostgreSQL database."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import unquote, urlsplit

from pytest_promptevals.settings import POSTGRES_SCHEME

OFF: Final = "off"
"""The setting that keeps no history."""

_FOLDER: Final = ".promptevals"
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
        return "postgresql://" + self.url.removeprefix(POSTGRES_SCHEME)

    @property
    def beside(self) -> Path:
        """Path that the names of files with results begin with which the database did not take."""
        parts = urlsplit(self.conninfo)
        place = f"{parts.netloc.rpartition('@')[2]}{parts.path}"
        return self.folder / f"history-{_UNFIT.sub('-', place).strip('-') or 'postgresql'}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What of the URL nobody may see: the password, as it is written and as it is meant."""
        user_info, _, _ = urlsplit(self.conninfo).netloc.rpartition("@")
        password = user_info.partition(":")[2]
        return tuple(text for text in {password, unquote(password)} if text)

    def __str__(self) -> str:
        """Return the URL without password and parameters."""
        parts = urlsplit(self.conninfo)
        user_info, at, address = parts.netloc.rpartition("@")
        return f"{POSTGRES_SCHEME}{user_info.partition(':')[0]}{at}{address}{parts.path}"


Place: TypeAlias = Path | PostgresPlace


def locate_history(rootdir: Path, setting: str) -> Place:
    """Return the place that the setting ``evals_history`` names, unless it is ``OFF``."""
    if setting.startswith(POSTGRES_SCHEME):
        return PostgresPlace(setting, rootdir / _FOLDER)
    return rootdir / setting


def path_beside(place: Place) -> Path:
    """Return what the names of files begin with in which results wait for the history."""
    return place if isinstance(place, Path) else place.beside
