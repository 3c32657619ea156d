from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_promptevals.cache.entries import Entry, decode_response, encode_response
from pytest_promptevals.cache.keys import canonical_json, text_key
from pytest_promptevals.cache.recordings import read_recording, recording_path, write_recording
from pytest_promptevals.records.responses import Response, ToolCall, Usage

TEXTS = st.text(st.characters(), max_size=20)
NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
RESPONSES = st.builds(
    Response,
    text=TEXTS,
    tool_calls=st.lists(st.builds(ToolCall, name=TEXTS, arguments=JSON), max_size=2).map(tuple),
    usage=st.builds(Usage, input_tokens=st.none() | st.integers(0, 10**6)),
    latency=NUMBERS,
    cost=NUMBERS,
    cached=st.booleans(),
)


def make(content: object, response: Response) -> Entry:
    request = canonical_json({"messages": content})
    return Entry(text_key(request), request, encode_response(response))


ENTRIES = st.lists(st.builds(make, JSON, RESPONSES), max_size=6, unique_by=lambda entry: entry.key)


@settings(max_examples=25)
@given(st.data(), ENTRIES)
def test_the_bytes_depend_on_the_responses_and_on_nothing_else(data: st.DataObject, entries: Sequence[Entry]) -> None:
    order = data.draw(st.permutations(entries))
    cut = data.draw(st.integers(0, len(order)))
    with tempfile.TemporaryDirectory() as folder:
        at_once, in_turns = Path(folder) / "a.jsonl", Path(folder) / "b.jsonl"
        write_recording(at_once, entries)
        write_recording(in_turns, order[:cut])
        write_recording(in_turns, [*read_recording(in_turns).values(), *order[cut:]])

        assert at_once.exists() == in_turns.exists() == bool(entries)
        if entries:
            assert at_once.read_bytes() == in_turns.read_bytes()
            assert list(read_recording(at_once).values()) == sorted(entries, key=lambda entry: entry.key)


@given(RESPONSES)
def test_a_response_survives_being_kept(response: Response) -> None:
    text = encode_response(response)
    kept = decode_response(text)

    assert kept.cached
    assert encode_response(kept) == text
    assert (kept.text, kept.tool_calls, kept.usage) == (response.text, response.tool_calls, response.usage)
    assert (kept.latency, kept.cost) == (response.latency, response.cost)


@given(st.text())
def test_no_name_leads_out_of_the_folder(file: str) -> None:
    path = recording_path(Path("/rec"), file)

    assert path.is_relative_to("/rec")
    assert ".." not in path.parts
    assert path.name.endswith(".jsonl")
