"""What the cache's thread does: batches of operations against recordings and database, whatever becomes of the latter.

A paid response is held in memory until it is in the database.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_promptevals.cache import store
from pytest_promptevals.cache.access import Access
from pytest_promptevals.cache.entries import Entry, decode_response, encode_response
from pytest_promptevals.cache.keys import canonical_json
from pytest_promptevals.cache.operations import Answer, Batch, Lookup, NoResponse, Save
from pytest_promptevals.cache.owners import BEAT, Silences, is_gone, patience_with, this_process
from pytest_promptevals.cache.recordings import Recordings
from pytest_promptevals.errors import CacheError, CodecError
from pytest_promptevals.files.lines import write_lines_atomically
from pytest_promptevals.files.sqlite_files import write_transaction
from pytest_promptevals.records.responses import Response

_LONGEST: Final = 100_000_000
"""Characters of the longest response that is stored."""
_USES_AT_ONCE: Final = 500
"""Uses are no paid responses: they wait for a transaction that others need, but not for ever."""
_USES_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Unsaved:
    """A response that is not in the database yet."""

    response: Response
    """As it came back."""
    entry: Entry | None
    """As it is stored; ``None`` if it cannot be."""


class Keeper:
    """Answers lookups and keeps responses. All methods belong to one thread.

    Args:
        access: the database.
        mode: ``use``, ``replay`` or ``refresh``.
        recordings: folder of the recordings, ``None`` for none.
        session: the run, equal in all of its processes.
    """

    def __init__(self, access: Access, mode: str, recordings: Path | None, session: str) -> None:
        self._access = access
        self._is_replay = mode == "replay"
        self._unknown = NoResponse.MISSING if self._is_replay else NoResponse.CALL
        self._session = session
        self._found_session = session if mode == "refresh" else None
        self._recordings = Recordings(recordings) if recordings is not None and mode != "refresh" else None
        self._notes_uses = recordings is not None
        self._uses: list[store.Use] = []
        self._unsaved: dict[str, Unsaved] = {}
        self._owner = this_process()
        self._claimed: set[str] = set()
        self._is_known = False
        self._beat_at = 0.0
        self._silences = Silences()

    def run(self, batch: Batch) -> list[tuple[Lookup, Answer]]:
        """Do what a batch asks for; return an answer to each of its lookups."""
        for save in batch.saves:
            self._hold(save)
        if self._notes_uses:
            self._uses.extend(batch.uses)
        answers = self._answer_from_memory(batch.lookups)
        lookups = [lookup for lookup in batch.lookups if lookup.key not in answers]
        released = self._claimed.intersection(batch.releases)
        if lookups or released or batch.saves:
            self._access.attempt(lambda connection: answers.update(self._work(connection, lookups, released)))
        answered = [(lookup, answers.get(lookup.key, self._unknown)) for lookup in batch.lookups]
        self._note_uses(answered)
        return answered

    def give_up(self, batch: Batch, error: Exception) -> list[tuple[Lookup, Answer]]:
        """Go on without a database after an error that nobody thought of; return answers as ``run`` does."""
        self._access.give_up_after(error)
        return [(lookup, self._unknown) for lookup in batch.lookups]

    def tidy(self, *, is_idle: bool) -> None:
        """Do what may wait, and show other processes that this one lives."""
        if self._is_beat_due() or len(self._uses) >= (1 if is_idle else _USES_AT_ONCE):
            self._access.attempt(self._write_small_things)
            self._uses.clear()  # those that cannot be written
            self._beat_at = time.monotonic() + BEAT

    @property
    def seconds_to_tidy(self) -> float | None:
        """Seconds after which ``tidy`` has something to do; ``None`` if it has not."""
        if self._uses:
            return _USES_SECONDS
        return BEAT if self._claimed else None

    def finish(self) -> None:
        """Store what is not stored yet, close the database, and put what cannot be stored into a file beside it."""
        if entries := self._entries():
            self._access.try_again()
        if entries or self._uses or self._is_known:
            self._access.attempt(self._leave)
        self._access.close()
        if left := self._entries():
            self._rescue(left)
        elif entries:
            self._access.note(f"response cache {self._access.path} could be written at the end; nothing is lost")

    def _hold(self, save: Save) -> None:
        """Keep a response in memory until it is stored."""
        entry = None
        try:
            entry = _encode(save)
        except (CacheError, CodecError) as error:
            self._access.note(f"a response of {save.content.get('model')!r} is not kept: {error}")
        self._unsaved[save.key] = Unsaved(save.response, entry)

    def _entries(self) -> list[Entry]:
        return [unsaved.entry for unsaved in self._unsaved.values() if unsaved.entry is not None]

    def _answer_from_memory(self, lookups: Iterable[Lookup]) -> dict[str, Answer]:
        """Return the answers for which no database is needed."""
        answers: dict[str, Answer] = {}
        for lookup in lookups:
            if (unsaved := self._unsaved.get(lookup.key)) is not None:
                answers[lookup.key] = dataclasses.replace(unsaved.response, cached=True)
            elif self._recordings is not None and (recorded := self._find_recorded(lookup)) is not None:
                answers[lookup.key] = recorded
        return answers

    def _find_recorded(self, lookup: Lookup) -> Response | CacheError | None:
        assert self._recordings is not None  # noqa: S101 - the caller looked
        try:
            return self._recordings.find(lookup.file, lookup.key)
        except CacheError as error:
            return error

    def _work(
        self, connection: sqlite3.Connection, lookups: Sequence[Lookup], released: Collection[str]
    ) -> dict[str, Answer]:
        """Return the answers of the database; store and claim in one transaction, if there is any need for one."""
        keys = {lookup.key for lookup in lookups}
        entries = self._entries() if self._access.can_write else []
        is_news = self._access.can_write and bool(entries or released)
        answers = {} if is_news else self._look(connection, lookups)
        open_keys = keys - answers.keys()
        if not (is_news or (open_keys and self._access.can_write and not self._is_replay)):
            return answers
        with write_transaction(connection):
            self._write(connection, entries, released)
            answers.update(self._find(connection, open_keys))
            answers.update(self._claim(connection, sorted(open_keys - answers.keys())))
        self._remember(entries, released, answers)
        return answers

    def _look(self, connection: sqlite3.Connection, lookups: Sequence[Lookup]) -> dict[str, Answer]:
        """Return the answers that reading gives: what there is, and what others are known to call."""
        answers = self._find(connection, {lookup.key for lookup in lookups})
        waiting = {lookup.key for lookup in lookups if lookup.is_waiting} - answers.keys()
        if waiting:
            claims = store.find_claims(connection, waiting)
            answers.update((key, NoResponse.WAIT) for key, claim in claims.items() if not self._is_dead(claim))
        return answers

    def _find(self, connection: sqlite3.Connection, keys: Collection[str]) -> dict[str, Answer]:
        found: dict[str, Answer] = {}
        if keys:
            for key, text in store.find_responses(connection, keys, self._found_session).items():
                with contextlib.suppress(CodecError):  # one that cannot be read is asked for anew
                    found[key] = decode_response(text)
        return found

    def _write(self, connection: sqlite3.Connection, entries: Sequence[Entry], released: Collection[str]) -> None:
        store.save_entries(connection, self._session, entries)
        store.release_keys(connection, self._owner.id, [*released, *(entry.key for entry in entries)])
        self._write_uses(connection)

    def _write_uses(self, connection: sqlite3.Connection) -> None:
        if self._uses:
            store.note_uses(connection, self._session, self._uses)

    def _claim(self, connection: sqlite3.Connection, keys: Sequence[str]) -> dict[str, Answer]:
        if not keys:
            return {}
        claims = store.claim_keys(connection, self._owner, keys)
        dead = {claim.owner.id for claim in claims.values() if self._is_dead(claim)}
        if dead:
            store.remove_owners(connection, dead)
            claims = store.claim_keys(connection, self._owner, keys)
        return {key: NoResponse.WAIT if key in claims else NoResponse.CALL for key in keys}

    def _is_dead(self, claim: store.Claim) -> bool:
        if is_gone(claim.owner, self._owner):
            return True
        limit = patience_with(claim.owner, self._owner)
        return self._silences.is_silent(claim.owner.id, claim.beat, time.monotonic(), limit)

    def _remember(self, entries: Iterable[Entry], released: Collection[str], answers: Mapping[str, Answer]) -> None:
        """Note what a transaction that succeeded has done."""
        self._uses.clear()
        for entry in entries:
            del self._unsaved[entry.key]
        self._claimed.difference_update(released, (entry.key for entry in entries))
        claimed = {key for key, answer in answers.items() if answer is NoResponse.CALL}
        if claimed and not self._claimed:
            self._beat_at = time.monotonic() + BEAT
        self._claimed |= claimed
        self._is_known = self._is_known or bool(claimed)

    def _note_uses(self, answered: Iterable[tuple[Lookup, Answer]]) -> None:
        if self._notes_uses:
            self._uses.extend(
                store.Use(lookup.file, lookup.key, answer is NoResponse.MISSING)
                for lookup, answer in answered
                if answer is not NoResponse.WAIT
            )

    def _is_beat_due(self) -> bool:
        return bool(self._claimed) and time.monotonic() >= self._beat_at

    def _write_small_things(self, connection: sqlite3.Connection) -> None:
        if self._access.can_write:
            with write_transaction(connection):
                store.beat(connection, self._owner.id)
                self._write_uses(connection)

    def _leave(self, connection: sqlite3.Connection) -> None:
        if not self._access.can_write:
            return
        entries = self._entries()
        with write_transaction(connection):
            self._write(connection, entries, self._claimed)
            store.remove_owners(connection, [self._owner.id])
        self._remember(entries, frozenset(self._claimed), {})

    def _rescue(self, entries: Sequence[Entry]) -> None:
        path = self._access.path
        now = dt.datetime.now(dt.UTC)
        aside = path.with_name(f"{path.name}.unsaved-{now:%Y%m%d-%H%M%S-%f}.jsonl")
        paid = "1 paid response" if len(entries) == 1 else f"{len(entries)} paid responses"
        kept = f"{paid} could not be kept in the response cache {path}"
        try:
            write_lines_atomically(aside, (entry.to_line() for entry in entries))
        except OSError as error:
            self._access.note(f"{kept}, nor beside it: {error.strerror}")
        else:
            self._access.note(f"{kept}; bring them in with 'promptevals cache import {aside}'")


def _encode(save: Save) -> Entry:
    entry = Entry(save.key, canonical_json(save.content), encode_response(save.response))
    if len(entry.response) > _LONGEST:
        raise CacheError(f"it has {len(entry.response)} characters, and {_LONGEST} are the most")
    return entry
