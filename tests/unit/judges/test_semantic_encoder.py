"""Texts of many waiting cases through one model: batches, equal texts, memory, failures."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from pytest_promptevals.judges.encoding import BATCH, Encoder, Texts

NUMBERS = 4
VECTOR_BYTES = 4 * NUMBERS


class Model:
    """Notes what it is given; each batch waits until the model is released."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.threads: list[str] = []
        self.loads = 0
        self.began = threading.Event()
        self.release = threading.Event()
        self.release.set()
        self.raises: Exception | None = None

    def load(self) -> Callable[[Sequence[Texts]], list[Any]]:
        self.loads += 1
        self.began.set()
        assert self.release.wait(5)
        return self.compute

    def compute(self, batch: Sequence[Texts]) -> list[Any]:
        self.batches.append([" | ".join(texts) for texts in batch])
        self.threads.append(threading.current_thread().name)
        self.began.set()
        assert self.release.wait(5)
        if self.raises is not None:
            raise self.raises
        return [np.full(NUMBERS, sum(map(len, texts)), dtype=np.float32) for texts in batch]


@pytest.fixture
def model() -> Iterator[Model]:
    model = Model()
    yield model
    model.release.set()


def single(texts: Sequence[str]) -> list[Texts]:
    return [(text,) for text in texts]


async def encode_all(encoder: Encoder, *askers: Sequence[str]) -> list[list[float]]:
    vectors = await asyncio.gather(*(encoder.encode(single(texts)) for texts in askers))
    return [[float(vector[0]) for vector in found] for found in vectors]


def test_each_asker_gets_the_vectors_of_its_own_texts(model: Model) -> None:
    assert asyncio.run(encode_all(Encoder(model.load), ["a", "bbb"], ["cc"])) == [[1, 3], [2]]


def test_texts_of_all_who_wait_while_the_model_loads_are_one_batch(model: Model) -> None:
    askers = [[f"text {number}", f"reference {number}"] for number in range(BATCH // 2)]
    model.release.clear()

    async def release_when_all_wait() -> None:
        encoder = Encoder(model.load)
        tasks = [asyncio.create_task(encoder.encode(single(texts))) for texts in askers]
        await asyncio.sleep(0)
        model.release.set()
        await asyncio.gather(*tasks)

    asyncio.run(release_when_all_wait())
    assert [len(batch) for batch in model.batches] == [BATCH]


def test_what_comes_in_while_a_batch_is_under_way_is_the_next_one(model: Model) -> None:
    async def ask_during_the_first_batch() -> None:
        encoder = Encoder(model.load)
        await asyncio.to_thread(encoder.prepare)
        model.began.clear()
        model.release.clear()
        first = asyncio.create_task(encoder.encode(single(["first"])))
        await asyncio.to_thread(model.began.wait, 5)
        others = [asyncio.create_task(encoder.encode(single([f"later {number}"]))) for number in range(3)]
        await asyncio.sleep(0)
        model.release.set()
        await asyncio.gather(first, *others)

    asyncio.run(ask_during_the_first_batch())
    assert [sorted(batch) for batch in model.batches] == [["first"], ["later 0", "later 1", "later 2"]]


def test_equal_texts_of_many_are_encoded_once(model: Model) -> None:
    asyncio.run(encode_all(Encoder(model.load), ["same", "same"], ["same"], ["other", "same"]))

    assert sorted(text for batch in model.batches for text in batch) == ["other", "same"]


def test_a_text_that_was_encoded_before_is_not_encoded_again(model: Model) -> None:
    encoder = Encoder(model.load)
    asyncio.run(encode_all(encoder, ["same"]))

    assert asyncio.run(encode_all(encoder, ["same"])) == [[4]]
    assert model.batches == [["same"]]


def test_two_texts_of_a_pair_are_not_taken_for_one_text(model: Model) -> None:
    async def encode() -> list[Any]:
        return await Encoder(model.load).encode([("ab", "c"), ("a", "bc"), ("abc",), ("1:a", "b")])

    asyncio.run(encode())
    assert len(model.batches[0]) == 4


def test_vectors_beyond_the_memory_for_them_are_forgotten_those_used_longest_ago_first(model: Model) -> None:
    encoder = Encoder(model.load, kept_bytes=2 * VECTOR_BYTES)
    for text in ("a", "b", "a", "c"):  # b is used longest ago when c needs its place
        asyncio.run(encode_all(encoder, [text]))
    for text in ("a", "c", "b"):
        asyncio.run(encode_all(encoder, [text]))

    assert model.batches == [["a"], ["b"], ["c"], ["b"]]


def test_a_batch_is_the_oldest_text_with_those_nearest_to_it_in_length(model: Model) -> None:
    lengths = [40, *range(1, 3 * BATCH)]
    texts = ["x" * length + f" {number}" for number, length in enumerate(lengths)]
    model.release.clear()

    async def encode() -> None:
        task = asyncio.create_task(Encoder(model.load).encode(single(texts)))
        await asyncio.sleep(0)
        model.release.set()
        await task

    asyncio.run(encode())
    first = [text.count("x") for text in model.batches[0]]
    assert len(first) == BATCH
    assert texts[0] in model.batches[0]
    assert max(first) - min(first) < BATCH + 3
    assert min(first) <= 40 - BATCH // 2 + 1
    assert min(map(min, [[text.count("x") for text in batch] for batch in model.batches[1:]])) == 1
    assert sorted(text for batch in model.batches for text in batch) == sorted(texts)
    assert max(len(batch) for batch in model.batches) == BATCH


def test_the_event_loop_goes_on_while_a_batch_is_computed(model: Model) -> None:
    model.release.clear()

    async def turns_of_the_loop() -> int:
        task = asyncio.create_task(Encoder(model.load).encode(single(["text"])))
        turns = 0
        while turns < 100:
            await asyncio.sleep(0)
            turns += 1
        assert not task.done()
        model.release.set()
        await task
        return turns

    assert asyncio.run(turns_of_the_loop()) == 100
    assert model.threads == ["promptevals-encoder"]


def test_a_model_is_loaded_once_by_all_who_need_it(model: Model) -> None:
    encoder = Encoder(model.load)
    threads = [threading.Thread(target=encoder.prepare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(encode_all(encoder, ["a"]))

    assert model.loads == 1


def test_a_model_that_cannot_be_loaded_is_tried_once_and_said_to_all(model: Model) -> None:
    tries = []

    def fail() -> Any:
        tries.append(1)
        raise OSError("no weights")

    encoder = Encoder(fail)
    for _ in range(2):
        with pytest.raises(OSError, match="^no weights$"):
            asyncio.run(encode_all(encoder, ["a"], ["b"]))
    with pytest.raises(OSError, match="^no weights$"):
        encoder.prepare()
    assert len(tries) == 1


def test_a_batch_that_fails_is_said_to_its_askers_and_the_next_one_goes_on(model: Model) -> None:
    encoder = Encoder(model.load)
    model.raises = ValueError("too long")
    with pytest.raises(ValueError, match="^too long$"):
        asyncio.run(encode_all(encoder, ["a", "b"]))
    model.raises = None

    assert asyncio.run(encode_all(encoder, ["a"])) == [[1]]


def test_a_model_that_returns_too_few_vectors_is_an_error_and_keeps_nobody_waiting(model: Model) -> None:
    encoder = Encoder(lambda: lambda _: [])

    with pytest.raises(ValueError, match="shorter"):
        asyncio.run(encode_all(encoder, ["a"]))


def test_one_who_is_cancelled_takes_nothing_from_others(model: Model) -> None:
    model.release.clear()

    async def encode() -> list[Any]:
        encoder = Encoder(model.load)
        given_up = asyncio.create_task(encoder.encode(single(["same"])))
        waiting = asyncio.create_task(encoder.encode(single(["same"])))
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        model.release.set()
        return await waiting

    assert [float(vector[0]) for vector in asyncio.run(encode())] == [4]


ENDING = """
import asyncio, sys, threading, time
from pytest_promptevals.judges.encoding import Encoder

began = threading.Event()

def step(seconds):
    print("begin", flush=True)
    began.set()
    time.sleep(seconds)
    print("end", flush=True)

def load():
    if sys.argv[1] == "loading":
        step(60)
    return compute

def compute(batch):
    step(0.5)
    return []

async def main():
    task = asyncio.create_task(Encoder(load).encode([(f"text {number}",) for number in range(1000)]))
    await asyncio.to_thread(began.wait)
    task.cancel()

asyncio.run(main())
"""


@pytest.mark.parametrize(("state", "said"), [("computing", ["begin", "end"]), ("loading", ["begin"])])
def test_a_process_that_ends_waits_for_the_batch_under_way_and_for_nothing_else(state: str, said: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDING, state], capture_output=True, encoding="utf-8", timeout=30, check=False
    )

    assert (done.returncode, done.stdout.split(), done.stderr) == (0, said, "")
