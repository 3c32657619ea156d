from __future__ import annotations

import itertools
import json
import re
import string
from random import Random
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_promptevals.judges.pairing import pair_items
from pytest_promptevals.judges.tolerance import Tolerance, exact_decimal
from pytest_promptevals.records.json_types import Json
from tests.unit.judges.grading import grade, passes

TEXTS = st.text(max_size=40)
ASCII = st.text(string.printable, min_size=1, max_size=20)
WORDS = st.lists(st.text(string.ascii_letters + "éçÅ", min_size=1, max_size=8), min_size=1, max_size=8)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
RANDOM = st.randoms(use_true_random=False)
SCORERS = st.sampled_from(["ratio", "partial", "token_sort", "token_set", "WRatio"])


def nest(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.text(string.ascii_letters, max_size=4)
    return st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4)


SCALARS = st.none() | st.booleans() | NUMBERS | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
# In an object, since a text that looks like an object or array is read as one at the top.
OBJECTS = st.fixed_dictionaries({"data": st.recursive(SCALARS, nest, max_leaves=12)})


@given(TEXTS)
def test_a_text_equals_itself(text: str) -> None:
    assert passes("exact", text, output=text)
    assert passes("exact", text, output=text, strip=False)


@given(TEXTS, TEXTS)
def test_equality_has_no_direction(one: str, other: str) -> None:
    for judge in ("exact", "iexact"):
        assert passes(judge, one, output=other) == passes(judge, other, output=one)


@given(TEXTS)
def test_what_is_equal_is_equal_without_regard_to_case(text: str) -> None:
    assert passes("iexact", text, output=f" {text} ")


@given(WORDS)
def test_case_makes_no_difference_to_iexact(words: list[str]) -> None:
    text = " ".join(words)
    assert passes("iexact", text, output=text.swapcase())


@given(WORDS, RANDOM)
def test_the_words_of_a_text_are_in_it(words: list[str], random: Random) -> None:
    text = " ".join(words)
    wanted: list[Json] = [*words]
    random.shuffle(wanted)
    assert passes("contains_all", wanted, output=text)
    assert passes("contains_all", wanted, output=text.swapcase(), ignore_case=True)
    assert passes("contains_any", ["\n", wanted[0]], output=text)
    assert not passes("contains_all", ["\n", *wanted], output=text)


@given(ASCII.filter(str.strip), ASCII)
def test_a_text_starts_and_ends_with_its_parts(part: str, rest: str) -> None:
    assert passes("starts_with", part, output=part + rest)
    assert passes("ends_with", part, output=rest + part)
    assert passes("icontains", part, output=rest + part.swapcase() + rest)


@given(TEXTS)
def test_the_counts_are_python_s(text: str) -> None:
    assert passes("length", output=text, min=len(text), max=len(text))
    assert passes("word_count", output=text, min=len(text.split()), max=len(text.split()))


@given(ASCII)
def test_an_escaped_text_is_a_pattern_that_finds_it(text: str) -> None:
    assert passes("regex", re.escape(text), output=f"x{text}y")
    assert passes("regex", re.escape(text), output=text, full=True)


@given(NUMBERS)
def test_a_number_is_found_however_it_is_written(number: float) -> None:
    assert passes("numeric", number, output=f"It is {number}.")
    assert passes("numeric", number, output=f"${number:,}" if isinstance(number, int) else f"({number!r})")
    assert passes("numeric", str(number), output=f"1 or {number} kg")


@given(NUMBERS, NUMBERS)
def test_without_tolerance_only_the_same_number_is_right(wanted: float, found: float) -> None:
    assert passes("numeric", wanted, output=str(found)) == (exact_decimal(wanted) == exact_decimal(found))


@given(NUMBERS, NUMBERS, st.floats(0, 1e6))
def test_an_absolute_tolerance_has_no_direction_and_only_widens(one: float, other: float, tolerance: float) -> None:
    first, second = exact_decimal(one), exact_decimal(other)
    assert Tolerance(tolerance).holds(first, second) == Tolerance(tolerance).holds(second, first)
    assert Tolerance(tolerance * 2).holds(first, second) or not Tolerance(tolerance).holds(first, second)


@given(TEXTS, TEXTS, SCORERS)
def test_similarity_has_no_direction_and_is_1_for_equal_texts(one: str, other: str, scorer: str) -> None:
    there, back = (
        grade("fuzzy", wanted, output=output, scorer=scorer).value for wanted, output in ((one, other), (other, one))
    )
    assert there == back
    assert 0.0 <= there <= 1.0
    assert grade("fuzzy", one, output=one, scorer=scorer).value == 1.0


@given(TEXTS, TEXTS)
def test_levenshtein_has_no_direction_and_is_1_for_equal_texts_only(one: str, other: str) -> None:
    there = grade("levenshtein", one, output=other).value
    assert there == grade("levenshtein", other, output=one).value
    assert (there == 1.0) == passes("exact", one, output=other)


@given(TEXTS, TEXTS, TEXTS)
def test_a_further_text_never_lowers_the_similarity(one: str, other: str, output: str) -> None:
    for judge in ("fuzzy", "levenshtein"):
        both = grade(judge, [one, other], output=output).value
        assert both == max(grade(judge, text, output=output).value for text in (one, other))


@given(OBJECTS, st.sampled_from([None, 2]), st.booleans())
def test_data_equals_itself_however_it_is_laid_out(data: Json, indent: int | None, ascii_only: bool) -> None:
    output = json.dumps(data, indent=indent, ensure_ascii=ascii_only)
    assert passes("json_valid", output=output)
    assert passes("json_equal", data, output=output)
    assert passes("json_equal", data, output=f"```json\n{output}\n```", ignore_order=True)
    assert passes("json_equal", data, output=f"So: {output}!", extract=True)
    assert grade("json_subset", data, output=output).value == 1.0
    assert grade("json_subset", data, output=output, ignore_order=True).value == 1.0


@given(OBJECTS, OBJECTS)
def test_equal_data_is_a_subset_and_equality_has_no_direction(one: Json, other: Json) -> None:
    equal = passes("json_equal", one, output=json.dumps(other))
    assert equal == passes("json_equal", other, output=json.dumps(one))
    share = grade("json_subset", one, output=json.dumps(other)).value
    assert 0.0 <= share <= 1.0
    assert share == 1.0 or not equal


@given(OBJECTS, RANDOM)
def test_shuffled_data_is_equal_where_the_order_is_ignored(data: Json, random: Random) -> None:
    assert passes("json_equal", data, output=json.dumps(shuffled(data, random)), ignore_order=True)


@given(OBJECTS, OBJECTS)
def test_data_with_more_keys_holds_the_data(data: dict[str, Json], more: Json) -> None:
    assert grade("json_subset", data, output=json.dumps({**data, "more": more})).value == 1.0
    assert not passes("json_equal", data, output=json.dumps({**data, "more": more}))


@given(st.lists(st.sets(st.integers(0, 4)), max_size=5), st.integers(0, 5))
def test_no_pairing_is_larger(accepted: list[set[int]], size: int) -> None:
    pairs = pair_items(range(len(accepted)), range(size), lambda one, other: other in accepted[one])
    assert all(place in accepted[index] for index, place in pairs.items())
    assert len(set(pairs.values())) == len(pairs)
    assert len(pairs) == largest_pairing(accepted, size)


@given(st.text(max_size=200))
def test_any_text_is_graded_by_the_judges_without_value(text: str) -> None:
    for judge in ("json_valid", "refusal"):
        assert grade(judge, output=text).explanation
    assert grade("json_valid", output=text, extract=True).explanation


@given(st.text("1234567890.,-$% eE'x", max_size=60), st.sampled_from([".", ","]))
def test_any_run_of_signs_is_read_without_error(text: str, decimal: str) -> None:
    assume(text)
    for which in ("first", "last", "only"):
        assert grade("numeric", 1, output=text, decimal=decimal, which=which, percent="fraction").explanation


def shuffled(data: Json, random: Random) -> Json:
    if isinstance(data, dict):
        return {key: shuffled(value, random) for key, value in reversed(data.items())}
    if isinstance(data, list):
        items = [shuffled(item, random) for item in data]
        random.shuffle(items)
        return items
    return data


def largest_pairing(accepted: list[set[int]], size: int) -> int:
    """Return the size of the largest pairing, by trying all."""
    choices = [[None, *(place for place in places if place < size)] for places in accepted]
    taken = ([place for place in choice if place is not None] for choice in itertools.product(*choices))
    return max(len(places) for places in taken if len(set(places)) == len(places))
