"""A stand-in for a language model, so that the example runs offline, costs nothing and answers the same every time.

It really reads the prompt. Each rule that it finds there, it keeps; where the prompt says nothing, it falls into a bad
habit, as models do: it promises a day, hands out vouchers, forgets the order number. What it can say is written in
``offline_model.yaml``. Your own project has no such file: it names a real model in ``evals.yaml``.
"""

import re
from pathlib import Path

import yaml

PHRASES: dict[str, dict[str, str]] = yaml.safe_load(
    Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"),
)

RULES = {
    "apology": r"apologi[sz]e",
    "calm": r"angry",
    "card": r"card or bank",
    "language": r"language of",
    "limit": r"(\d+) words",
    "name": r"(?:by name:|reply to) +([^\W\d_]+)",
    "no day": r"never promise",
    "no voucher": r"vouchers",
    "number": r"order number",
    "off topic": r"can't help",
    "signature": r'sign with "(.+?)"',
    "tracking": r"tracking code",
}
"""How the model notices a rule in the prompt."""

LATE = ("refund late", "parcel delayed", "parcel lost")
ENDED = ("refund refused", "parcel delivered", "parcel at the pickup point", "parcel lost")
WORDS = {
    "de": {"bestellung", "das", "geld", "ich", "ist", "mein", "meine", "nicht", "paket", "und", "wann", "wo"},
    "es": {"cuándo", "dinero", "dónde", "el", "está", "la", "mi", "paquete", "pedido", "por", "qué", "sin"},
}
ASKS_WHEN = re.compile(r"\b(when|how long|in time|by \w+day|wann|bis \w+tag|cuándo)\b", re.IGNORECASE)
ASKS_FOR_MONEY = re.compile(r"voucher|discount|compensation|gutschein|rabatt|descuento", re.IGNORECASE)
SOUNDS_ANGRY = re.compile(r"!!|\b[A-Z]{4,} [A-Z]{2,}\b")


def answer(prompt: str) -> str:
    """Return the reply to the customer. Raises ``ValueError`` if the prompt holds no order or no message."""
    order = dict(line.split(": ", 1) for line in cut(prompt, "order").splitlines())
    message = cut(prompt, "message")
    rules = find_rules(prompt)
    if not order:
        return PHRASES["en"]["off topic" if "off topic" in rules else "anything"]
    phrases = PHRASES[guess_language(message) if "language" in rules else "en"]
    greeting = phrases["greeting" if "name" in rules else "nameless"].format(name=rules.get("name"))
    text = " ".join(phrases[key] for key in choose_phrases(rules, order, message))
    body = keep_words(text.format_map(order), int(rules.get("limit", 1000)) - 5)
    return "\n\n".join([greeting, body, rules.get("signature", "Your AI assistant")])


def cut(prompt: str, block: str) -> str:
    """Return what stands between ``<block>`` and ``</block>``."""
    found = re.search(rf"<{block}>\n(.*?)</{block}>", prompt, re.DOTALL)
    if found is None:
        raise ValueError(f"the prompt has no <{block}>...</{block}>, so there is nothing to answer")
    return found[1]


def find_rules(prompt: str) -> dict[str, str]:
    """Return the rules that the prompt states outside of the order and the message, each with its value."""
    instructions = re.sub(r"<(order|message)>.*?</\1>", "", prompt, flags=re.DOTALL)
    found = {name: re.search(pattern, instructions, re.IGNORECASE) for name, pattern in RULES.items()}
    return {name: match[match.lastindex or 0] for name, match in found.items() if match}


def guess_language(message: str) -> str:
    """Return ``de`` or ``es`` if at least two words of the message say so, else ``en``."""
    words = set(re.findall(r"\w+", message.lower()))
    return next((language for language, known in WORDS.items() if len(words & known) > 1), "en")


def choose_phrases(rules: dict[str, str], order: dict[str, str], message: str) -> list[str]:
    """Return the names of the phrases that make up the reply, in order."""
    topic = "refund" if "refund" in order else "parcel"
    state = f"{topic} {order[topic]}"
    chosen = ["about order" if "number" in rules or order["number"] in message else "about"]
    if state in LATE and "apology" in rules:
        chosen.append("apology")
    if SOUNDS_ANGRY.search(message):
        chosen.append("understanding" if "calm" in rules else "reproach")
    chosen.append(state)
    if "tracking" in order and "tracking" in rules:
        chosen.append("tracking")
    if state not in ENDED:
        chosen.append(f"{topic} promise" if ASKS_WHEN.search(message) and "no day" not in rules else f"{topic} span")
    if ASKS_FOR_MONEY.search(message):
        chosen.append("no voucher" if "no voucher" in rules else "voucher")
    if topic == "refund" and "card" not in rules:
        chosen.append("card")
    return chosen if "limit" in rules else [*chosen, "filler"]


def keep_words(text: str, limit: int) -> str:
    """Return the text without the last sentences, as many of them as it takes to have at most that many words."""
    sentences = re.split(r"(?<=[.!?]) ", text)
    while len(sentences) > 1 and sum(len(sentence.split()) for sentence in sentences) > limit:
        sentences.pop()
    return " ".join(sentences)
