from __future__ import annotations

import re

import pytest

from pytest_promptevals.engine.shards import SelectionFacts, Shard, describe_selection, parse_shard
from pytest_promptevals.errors import UsageError

IDS = [f"evals/a.eval.yaml::case-{number}" for number in range(1000)]


def test_a_shard_is_read_as_it_is_written() -> None:
    shard = parse_shard("2/4")

    assert shard == Shard(2, 4)
    assert str(shard) == "2/4"
    assert parse_shard("") is None


@pytest.mark.parametrize(
    "text", ["x", "1", "1/", "/2", "1/2/3", "-1/2", "1.0/2", "1 / 2", "\u0661/\u0662", f"1/{10**9}"]
)
def test_what_is_no_shard_says_how_to_write_one(text: str) -> None:
    with pytest.raises(UsageError, match=rf"^--evals-shard: {re.escape(repr(text))} is no shard; write it as I/N"):
        parse_shard(text)


@pytest.mark.parametrize("text", ["5/4", "0/4", "1/0"])
def test_a_number_beyond_the_count_is_named(text: str) -> None:
    message = f"--evals-shard: '{text}' is no shard: I counts from 1 to N, such as 1/4, 2/4, 3/4 and 4/4."
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        parse_shard(text)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_each_item_is_in_one_shard_and_the_shards_are_about_equal(count: int) -> None:
    shards = [Shard(number, count) for number in range(1, count + 1)]
    homes = [[shard.number for shard in shards if shard.holds(nodeid)] for nodeid in IDS]

    assert all(len(home) == 1 for home in homes)
    sizes = [homes.count([shard.number]) for shard in shards]
    assert min(sizes) > 0.7 * len(IDS) / count


def test_the_shard_of_an_item_never_changes() -> None:
    # By the SHA-256 of the text: other machines and versions must agree.
    assert [number for number in range(1, 5) if Shard(number, 4).holds("a.eval.yaml::refund")] == [1]
    assert Shard(1, 1).holds("a.eval.yaml::\ud800")


def test_a_selection_is_described_alike_in_all_its_shards() -> None:
    facts = describe_selection(IDS, Shard(1, 3))

    assert facts == SelectionFacts("1/3", 1000, facts.selection)
    assert re.fullmatch("[0-9a-f]{16}", facts.selection)
    assert describe_selection(reversed(IDS), Shard(2, 3)) == SelectionFacts("2/3", 1000, facts.selection)
    assert describe_selection(IDS[1:], None).selection != facts.selection
    assert describe_selection([], None) == SelectionFacts(None, 0, "")
