"""What the cache asks of its database: SQL, and nothing else. Each method takes many rows at once."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pytest_promptevals.cache.entries import Entry
from pytest_promptevals.cache.owners import Owner
from pytest_promptevals.files.sqlite_files import write_rows

KEEP_USES: Final = 7 * 24 * 3600
"""Seconds after which the uses of a session that never ended are forgotten."""

# One parameter for any number of keys: the statement is prepared once.
_KEYS: Final = "key IN (SELECT value FROM json_each(?1))"
_FIND: Final = f"SELECT {{}} FROM responses WHERE {_KEYS} AND (?2 IS NULL OR session = ?2)"  # noqa: S608 - constants
_SAVE: Final = (
    "INSERT INTO responses (key, session, stored_at, request, response) VALUES {} "
    "ON CONFLICT (key) DO UPDATE SET session = excluded.session, stored_at = excluded.stored_at, "
    "request = excluded.request, response = excluded.response"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A call that somebody makes."""

    owner: Owner
    """Who makes it."""
    beat: int
    """The owner's last heartbeat, a number that grows."""


class Use(NamedTuple):
    """A response that an eval file asked for."""

    file: str
    """The eval file."""
    key: str
    """Key of the request."""
    is_missing: bool
    """Whether it was to be replayed and could not be."""


def find_responses(connection: sqlite3.Connection, keys: Collection[str], session: str | None) -> dict[str, str]:
    """Return the responses that are there, by key; only those that ``session`` stored, if one is given."""
    wanted = (json.dumps(list(keys)), session)
    try:
        # One row, since each takes two changes of threads.
        (found,) = connection.execute(_FIND.format("json_group_object(key, response)"), wanted).fetchone()
    except sqlite3.DataError:  # together they are longer than SQLite lets a text be
        return dict(connection.execute(_FIND.format("key, response"), wanted).fetchall())
    responses: dict[str, str] = json.loads(found)
    return responses


def save_entries(connection: sqlite3.Connection, session: str, entries: Iterable[Entry]) -> None:
    """Store responses in the place of what may be there."""
    now = int(time.time())
    write_rows(connection, _SAVE, [(entry.key, session, now, entry.request, entry.response) for entry in entries])


def claim_keys(connection: sqlite3.Connection, owner: Owner, keys: Sequence[str]) -> Mapping[str, Claim]:
    """Claim keys that nobody else has claimed; return those of others, with who has them."""
    connection.execute(
        "INSERT INTO owners VALUES (?, ?, ?, ?, 0) ON CONFLICT (owner) DO NOTHING",
        (owner.id, owner.host, owner.pid, owner.started),
    )
    done = connection.execute(
        "INSERT INTO claims SELECT value, ?2 FROM json_each(?1) WHERE true ON CONFLICT (key) DO NOTHING",
        (json.dumps(list(keys)), owner.id),
    )
    if done.rowcount == len(keys):
        return {}
    return {key: claim for key, claim in find_claims(connection, keys).items() if claim.owner.id != owner.id}


def find_claims(connection: sqlite3.Connection, keys: Collection[str]) -> dict[str, Claim]:
    """Return who has claimed which of these keys."""
    rows = connection.execute(
        f"SELECT key, owner, host, pid, started, beat FROM claims JOIN owners USING (owner) WHERE {_KEYS}",  # noqa: S608 - constants
        (json.dumps(list(keys)),),
    )
    return {key: Claim(Owner(*owner), beat) for key, *owner, beat in rows.fetchall()}


def release_keys(connection: sqlite3.Connection, owner: str, keys: Collection[str]) -> None:
    """Give up an owner's claims."""
    connection.execute(f"DELETE FROM claims WHERE {_KEYS} AND owner = ?2", (json.dumps(list(keys)), owner))  # noqa: S608 - constants


def remove_owners(connection: sqlite3.Connection, owners: Collection[str]) -> None:
    """Remove owners and all that they have claimed."""
    ids = json.dumps(list(owners))
    for table in ("claims", "owners"):
        connection.execute(f"DELETE FROM {table} WHERE owner IN (SELECT value FROM json_each(?1))", (ids,))  # noqa: S608 - constants


def beat(connection: sqlite3.Connection, owner: str) -> None:
    """Let an owner be heard of."""
    connection.execute("UPDATE owners SET beat = beat + 1 WHERE owner = ?", (owner,))


def note_uses(connection: sqlite3.Connection, session: str, uses: Iterable[Use]) -> None:
    """Note which responses a session used."""
    now = int(time.time())
    write_rows(
        connection,
        "INSERT OR REPLACE INTO uses VALUES {}",
        [(session, printable(use.file), use.key, use.is_missing, now) for use in uses],
    )


def printable(file: str) -> str:
    """Return the name of a file without what is no character; names of files may hold any bytes."""
    return file.encode("utf-8", "replace").decode("utf-8")


def find_uses(connection: sqlite3.Connection, session: str) -> list[Use]:
    """Return which responses a session used."""
    rows = connection.execute("SELECT file, key, is_missing FROM uses WHERE session = ?", (session,))
    return [Use(file, key, bool(is_missing)) for file, key, is_missing in rows]


def forget_uses(connection: sqlite3.Connection, session: str) -> None:
    """Forget what a session used, and what sessions used that never ended."""
    oldest = int(time.time()) - KEEP_USES
    connection.execute("DELETE FROM uses WHERE session = ? OR noted_at < ?", (session, oldest))


def sessions_of(connection: sqlite3.Connection, keys: Collection[str]) -> dict[str, str]:
    """Return which session stored which of these responses."""
    rows = connection.execute(
        f"SELECT key, session FROM responses WHERE {_KEYS}",  # noqa: S608 - constants
        (json.dumps(list(keys)),),
    )
    return dict(rows.fetchall())


def find_entries(connection: sqlite3.Connection, keys: Collection[str]) -> Iterator[Entry]:
    """Yield the entries of these keys that are there."""
    rows = connection.execute(
        f"SELECT key, request, response FROM responses WHERE {_KEYS}",  # noqa: S608 - constants
        (json.dumps(list(keys)),),
    )
    return (Entry(*row) for row in rows)
