"""Texts through one local model: those of all cases that wait together, each distinct one once, in a thread.

A model is much faster on a batch than on one text after the other, and a batch costs what its longest text costs. So
whoever needs a result puts its texts into a line and waits; a thread takes, again and again, the text that has waited
longest and those nearest to it in length. What comes in while a batch is under way waits for the next ones. The event
loop is never held up.
"""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vector: TypeAlias = npt.NDArray[np.float32]

Texts: TypeAlias = tuple[str, ...]
"""What a model takes as one: a text, or the two texts of a pair."""
Compute: TypeAlias = "Callable[[Sequence[Texts]], Sequence[Vector]]"
"""Returns the model's vector for each of a batch's texts."""

BATCH: Final = 64
"""Texts of one batch. More make a CPU no faster, but wait for longer ones than themselves."""
KEPT_BYTES: Final = 64 * 2**20
"""Memory for the vectors of one model: some 40,000 of 384 numbers. Those used longest ago are let go first."""
_KEY_BYTES: Final = 16
_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class _Waiting:
    key: bytes
    texts: Texts
    future: Future[Vector]


class Encoder:
    """One model of this process, and what it made of the texts so far.

    Args:
        load: loads the model and returns what computes vectors with it; called once, in a thread.
        kept_bytes: memory for the vectors that are kept, in bytes.
    """

    def __init__(self, load: Callable[[], Compute], kept_bytes: int = KEPT_BYTES) -> None:
        self._load = load
        self._compute: Compute | None = None
        self._failure: Exception | None = None
        self._load_lock = threading.Lock()
        self._lock = threading.Lock()
        # All below is changed under the lock only. A promise is in `_promised` from being made until it is kept.
        self._line: OrderedDict[bytes, _Waiting] = OrderedDict()
        self._promised: dict[bytes, Future[Vector]] = {}
        self._kept: OrderedDict[bytes, Vector] = OrderedDict()
        self._spare = kept_bytes
        self._is_working = False

    def prepare(self) -> None:
        """Load the model now, in the calling thread, unless it is loaded; other threads wait for the one load.

        Raises what ``load`` raised, also when called again: a model that cannot be loaded is tried once.
        """
        self._loaded()

    async def encode(self, items: Sequence[Texts]) -> list[Vector]:
        """Return the vector of each item, waiting for them. Raises what loading or computing raised."""
        with self._lock:
            futures = [self._promise(texts) for texts in items]
            must_start = bool(self._line) and not self._is_working
            self._is_working = self._is_working or must_start
        if must_start:
            # No daemon: an interpreter that ends while one computes with torch is aborted. It waits for the one batch.
            threading.Thread(target=self._work, name="promptevals-encoder", daemon=False).start()
        return [await asyncio.wrap_future(future) for future in futures]

    def _promise(self, texts: Texts) -> Future[Vector]:
        key = _key_of(texts)
        if key in self._promised:
            return self._promised[key]
        future: Future[Vector] = Future()
        future.set_running_or_notify_cancel()  # one of several who wait cannot cancel it for the others
        if key in self._kept:
            self._kept.move_to_end(key)
            future.set_result(self._kept[key])
            return future
        self._promised[key] = future
        self._line[key] = _Waiting(key, texts, future)
        return future

    def _loaded(self) -> Compute:
        with self._load_lock:
            if self._failure is not None:
                raise self._failure
            if self._compute is None:
                try:
                    self._compute = self._load()
                except Exception as error:
                    self._failure = error
                    raise
            return self._compute

    def _work(self) -> None:
        self._wait_until_loaded()  # what comes in meanwhile is part of the first batch
        while batch := self._next_batch():
            try:
                vectors = self._loaded()([waiting.texts for waiting in batch])
                self._keep(batch, vectors)
            except BaseException as error:  # noqa: BLE001 - whatever happens, those who wait are told
                self._fail(batch, error)

    def _next_batch(self) -> list[_Waiting]:
        """Take the text that has waited longest and those nearest to it in length out of the line."""
        with self._lock:
            if not self._line or _is_ending():
                self._is_working = False
                return []
            oldest = _length_of(next(iter(self._line.values())))
            by_length = sorted(self._line.values(), key=_length_of)
            middle = bisect.bisect_left(by_length, oldest, key=_length_of)
            start = max(0, min(middle - BATCH // 2, len(by_length) - BATCH))
            batch = by_length[start : start + BATCH]
            for waiting in batch:
                del self._line[waiting.key]
            return batch

    def _wait_until_loaded(self) -> None:
        if self._compute is not None:
            return
        # A daemon, unlike the thread that waits for it: loading takes seconds, and may be left behind.
        loader = threading.Thread(target=self._load_quietly, name="promptevals-loader", daemon=True)
        loader.start()
        while loader.is_alive() and not _is_ending():
            loader.join(_POLL_SECONDS)

    def _load_quietly(self) -> None:
        with contextlib.suppress(Exception):  # the batch that needs the model raises the same
            self._loaded()

    def _keep(self, batch: Sequence[_Waiting], vectors: Sequence[Vector]) -> None:
        with self._lock:
            for waiting, vector in zip(batch, vectors, strict=True):
                self._kept[waiting.key] = vector
                self._spare -= vector.nbytes
                del self._promised[waiting.key]
            while self._spare < 0:
                _, oldest = self._kept.popitem(last=False)
                self._spare += oldest.nbytes
        for waiting, vector in zip(batch, vectors, strict=True):
            waiting.future.set_result(vector)

    def _fail(self, batch: Sequence[_Waiting], error: BaseException) -> None:
        with self._lock:
            for waiting in batch:
                self._promised.pop(waiting.key, None)
        for waiting in batch:
            if not waiting.future.done():
                waiting.future.set_exception(error)


def _is_ending() -> bool:
    """Return whether the interpreter ends: it waits for the threads that are no daemons, and nobody for a vector."""
    return not threading.main_thread().is_alive()


def _length_of(waiting: _Waiting) -> int:
    return sum(map(len, waiting.texts))


def _key_of(texts: Texts) -> bytes:
    digest = hashlib.blake2b(digest_size=_KEY_BYTES)
    for text in texts:
        encoded = text.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(encoded) + encoded)
    return digest.digest()
