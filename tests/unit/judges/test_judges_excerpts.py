from __future__ import annotations

from pytest_promptevals.judges.excerpts import clip, count_noun, list_some, quote, quote_end, show_json, show_output


def test_a_quoted_text_is_one_safe_line() -> None:
    assert quote('say "é"\n\x1b[31m\u202e\ud83d') == r'"say \"é\"\n\x1b[31m\u202e\ud83d"'


def test_a_long_text_is_cut() -> None:
    assert quote("abcdef", 3) == '"abc…"'
    assert quote("abc", 3) == '"abc"'
    assert quote_end("abcdef", 3) == '"…def"'
    assert quote_end("abc", 3) == '"abc"'
    assert clip("abc\ndef", 5) == "abc\\nd…"


def test_data_is_shown_as_json() -> None:
    assert show_json({"a": [1, None, True, "é\n"]}) == '{"a": [1, null, true, "é\\n"]}'
    assert show_json("a\u202eb") == '"a\\u202eb"'
    assert show_json(["\u202e"]) == '["\\u202e"]'
    assert show_json(list(range(100)), 10) == "[0, 1, 2, …"


def test_counts_and_lists_read_well() -> None:
    assert [count_noun(number, "word") for number in (0, 1, 2000)] == ["0 words", "1 word", "2,000 words"]
    assert list_some(["a", "b", "c"]) == "a, b, c"
    assert list_some(["a", "b", "c", "d"]) == "a, b, c and 1 more"


def test_an_output_is_shown_with_its_length_where_it_is_cut() -> None:
    assert show_output("") == "the empty output"
    assert show_output("a" * 80) == f'the output "{"a" * 80}"'
    assert show_output("a" * 81) == f'the output "{"a" * 80}…" (81 characters)'
