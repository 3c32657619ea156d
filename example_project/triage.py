"""Decides who answers a message: the model, for refunds and parcels, or a person, for everything delicate."""

import re

QUEUES = {
    "person": r"injur|hurt|burn|allerg|lawyer|police|human|journalist|anwalt|verletzt|abogad|herid",
    "refunds": r"refund|money|return|send .*back|geld|erstatt|zurück|reembolso|devol|dinero",
    "shipping": r"parcel|deliver|track|where|arriv|paket|liefer|bestellung|pedido|paquete|envío",
}
"""The first queue whose words are in the message gets it."""


def choose_queue(message: str) -> str:
    """Return ``person``, ``refunds`` or ``shipping``; what nobody can place goes to a person."""
    text = message.lower()
    return next((queue for queue, words in QUEUES.items() if re.search(words, text)), "person")
