"""Types of promptfoo's assertions whose judges differ from them a little, and in what: for imports and exports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_FENCED: Final = (
    "JSON in a fenced block counts here, too; promptfoo takes bare JSON alone, and also with a name that comes twice "
    "or a number beyond all bounds"
)
_EXTRACTED: Final = (
    "the JSON is looked for in the one fenced block, or from the first brace or bracket on; promptfoo tries every "
    "brace, wants an object, and mends what is not quite JSON"
)
_SCRIPTS: Final = (
    "\\d, \\w and \\b know letters and digits of all scripts here, and those of ASCII alone in JavaScript; \\s "
    "differs in rare characters"
)
_PAIRS: Final = (
    "the pattern counts characters: one beyond U+FFFF, such as an emoji, is one here and two in promptfoo's JavaScript"
)
_ROUGE: Final = "words are runs of letters and digits here, and punctuation does not count as it does in promptfoo"
_BLEU: Final = (
    "punctuation is told apart from words here, and short texts are smoothed otherwise: scores differ a little"
)
_METEOR: Final = "synonyms do not count here: scores may be lower"
_REFUSAL: Final = "refusals are told by other words than promptfoo's; an empty answer is none here"
_EDITS: Final = (
    "promptfoo counts edits, the judge their share of the longer text: for short texts, a few edits more pass in an "
    "output that is longer; of a text no longer than the number of edits, every output passes up to that much more"
)
_EMOJI: Final = "a character beyond U+FFFF, such as an emoji, is one edit here and two in promptfoo"
_CASE: Final = "letters are folded here, so that 'ss' is found in a sharp s; promptfoo compares small letters"
_GRADES: Final = (
    "{kind}: a judge model grades it here, where promptfoo measures it otherwise: look at the threshold anew"
)
_G_EVAL: Final = "the scale is 1 to 5 here and 0 to 10 in promptfoo: scores differ a little"
RUBRIC_PROMPT: Final = "the judge model is asked in our words; a 'rubric' with a template of your own asks in yours"
"""What is said of a prompt for judges."""
DIFFERENCES: Final[Mapping[str, str]] = {
    "is-json": _FENCED,
    "contains-json": _EXTRACTED,
    "classes": _SCRIPTS,
    "pairs": _PAIRS,
    "rouge-n": _ROUGE,
    "bleu": _BLEU,
    "meteor": _METEOR,
    "is-refusal": _REFUSAL,
    "levenshtein": _EDITS,
    "emoji": _EMOJI,
    "case": _CASE,
    "g-eval": _G_EVAL,
    "answer-relevance": _GRADES.format(kind="answer-relevance"),
    "context-faithfulness": _GRADES.format(kind="context-faithfulness"),
}
"""Type of assertion, or another word for a kind of text -> in what they differ."""
