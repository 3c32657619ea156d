"""Sends notifications through apprise, which knows mail, Slack, Teams, webhooks and a hundred services more.

The URL of a service mostly is its secret, in any of its parts, and is never shown; nor is what apprise logs of it. Each
is sent to by a process of its own, which this module is run as: it can be ended when it takes too long, whatever it
waits for, and the session has nothing of it.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import re
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import quote

from pytest_promptevals.records.notifications import Event, Notification

if TYPE_CHECKING:
    from apprise import Apprise

TIMEOUT: Final = 15.0
"""Seconds that a notification may take."""
MISSING_EXTRA: Final = (
    'notifications need the package apprise; install it with: pip install "pytest-promptevals[notify]"'
)
_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")
_URL: Final = re.compile(r"([a-z][a-z0-9+.-]*)://(.*)", re.IGNORECASE | re.DOTALL)
_WITH_HOST: Final = frozenset(
    {"form", "forms", "http", "https", "json", "jsons", "mailto", "mailtos", "xml", "xmls"},
)
"""Schemes whose URLs name a server; in those of most others, a token stands there."""
_LOGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://([^/?#]*)@", re.IGNORECASE)
"""Begins a URL, with what stands before the last @ of its authority."""
_HOST: Final = re.compile(r"[\w.-]+(:\d+)?|\[[0-9a-f:.]+\](:\d+)?", re.IGNORECASE)
_STATUS: Final = re.compile(r"\berror=(\d{3})\b")
_UNKNOWN: Final = "it is no URL that apprise understands"


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where notifications go."""

    url: str = field(repr=False)
    """URL for apprise, with its secrets."""
    shown: str
    """What may be shown of it."""


def find_receivers(urls: Sequence[str], environment: Mapping[str, str]) -> tuple[list[Receiver], list[str]]:
    """Return the receivers that URLs name, and what is wrong with the others.

    ``${NAME}`` in a URL stands for an environment variable, as the secret should not stand in a file. Before the ``@``
    of a URL it is a name or a password, of any characters.
    """
    receivers, problems = [], []
    for number, url in enumerate(urls, start=1):
        missing = [name for name in _VARIABLE.findall(url) if not environment.get(name)]
        if missing:
            what = f"the environment variable {missing[0]} is not set"
            problems.append(f"evals_notify: {what}, so nobody is notified by it")
            continue
        receivers.append(Receiver(_expand(url, environment), _shown(url) or _name(url, number)))
    return receivers, problems


def find_problems(receivers: Sequence[Receiver]) -> list[str]:
    """Return why receivers will get nothing: the extra is not installed, or apprise does not know their URLs."""
    if not receivers:
        return []
    if not _is_installed():
        return [MISSING_EXTRA]
    with _Silence():
        return [
            f"evals_notify: {receiver.shown} is no URL that apprise understands, so nobody is notified by it; its "
            "documentation lists the services and their URLs"
            for receiver in receivers
            if _make(receiver.url) is None
        ]


def send(receivers: Sequence[Receiver], notification: Notification, timeout: float = TIMEOUT) -> list[str]:
    """Send a notification to all receivers at once, and return a sentence for each that did not take it.

    Nothing is raised, and it takes no longer than that many seconds.
    """
    if not receivers:
        return []
    if not _is_installed():
        return [MISSING_EXTRA]
    with ThreadPoolExecutor(len(receivers)) as pool:
        problems = list(pool.map(lambda receiver: _send_to(receiver.url, notification, timeout), receivers))
    return [
        f"the notification to {receiver.shown} was not sent: {problem}"
        for receiver, problem in zip(receivers, problems, strict=True)
        if problem
    ]


def _is_installed() -> bool:
    return importlib.util.find_spec("apprise") is not None


def _expand(url: str, environment: Mapping[str, str]) -> str:
    """Return a URL with the values of the variables in it."""
    login = _LOGIN.match(url)
    begin, end = (0, 0) if login is None else login.span(1)
    quoted = _VARIABLE.sub(lambda found: quote(environment[found[1]], safe=""), url[begin:end])
    before, after = (_VARIABLE.sub(lambda found: environment[found[1]], part) for part in (url[:begin], url[end:]))
    return f"{before}{quoted}{after}"


def _name(url: str, number: int) -> str:
    """Return what to call an entry that begins with no scheme: a variable by its name."""
    return url if _VARIABLE.fullmatch(url) else f"entry {number}"


def _shown(url: str) -> str:
    """Return what may be shown of a URL whose variables are not filled in: no values of theirs, and no login."""
    found = _URL.fullmatch(url)
    if found is None:
        return ""
    scheme = found[1].lower()
    if scheme not in _WITH_HOST:
        return f"{scheme}://…"
    # Up to the last @: a password may hold another one that should have been escaped.
    # With another @, or one further on, a password may hold what ends a login, and part of it would be shown.
    authority = re.split(r"[/?#]", found[2], maxsplit=1)[0]
    host = authority.rpartition("@")[2]
    is_clear = found[2].partition("?")[0].count("@") == authority.count("@") <= 1
    return f"{scheme}://{host}" if is_clear and _HOST.fullmatch(host) else f"{scheme}://…"


def _make(url: str) -> Apprise | None:
    """Return what sends to a URL, ``None`` if apprise does not know it."""
    from apprise import Apprise  # noqa: PLC0415 - of an extra, and takes 0.3 s

    sender = Apprise()
    return sender if sender.add(url) else None


def _send_to(url: str, notification: Notification, timeout: float) -> str:
    """Have a process send to a URL, and return why it could not; nothing if it did."""
    is_good = notification.event is Event.RECOVERY
    message = {"url": url, "title": notification.title, "body": notification.body, "is_good": is_good}
    try:
        # -P: what lies in the user's folder is no module of the process.
        done = subprocess.run(  # noqa: S603 - this module, with the message on its standard input
            [sys.executable, "-P", "-m", __name__],
            input=json.dumps(message),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
            encoding="utf-8",
        )
    except subprocess.TimeoutExpired:
        return f"it did not answer within {timeout:g} s"
    except OSError as error:
        return f"no process can be started: {error.strerror}"
    return done.stdout if done.returncode == 0 else "the process that sends it failed"


def _send_message(message: Mapping[str, str], silence: _Silence) -> str:
    from apprise import NotifyFormat, NotifyType  # noqa: PLC0415 - of an extra, and takes 0.3 s

    sender = _make(message["url"])
    if sender is None:
        return _UNKNOWN
    is_sent = sender.notify(
        title=message["title"],
        body=message["body"],
        notify_type=NotifyType.SUCCESS if message["is_good"] else NotifyType.FAILURE,
        body_format=NotifyFormat.TEXT,
    )
    if is_sent:
        return ""
    return f"it answered with status {silence.status}" if silence.status else "it cannot be reached, or refused it"


class _Silence(logging.Filter):
    """Keeps to itself what apprise logs, since it may hold parts of URLs; only a status of HTTP is remembered.

    Warnings of what apprise imports are none of the user's, who may have made errors of all of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.status = ""
        self._logger = logging.getLogger("apprise")
        self._warnings = warnings.catch_warnings()

    def __enter__(self) -> Self:
        self._logger.addFilter(self)
        self._warnings.__enter__()
        warnings.simplefilter("ignore")
        return self

    def __exit__(self, *_: object) -> None:
        self._warnings.__exit__(None, None, None)
        self._logger.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Let no record through."""
        if found := _STATUS.search(record.getMessage()):
            self.status = found[1]
        return False


def main() -> None:
    """Send the message on standard input, and print why it could not be sent; nothing if it was."""
    with _Silence() as silence:
        try:
            problem = _send_message(json.load(sys.stdin), silence)
        except Exception as error:  # noqa: BLE001 - what a service's plugin raises, and its text may hold the URL
            problem = f"apprise failed with {type(error).__name__}"
    sys.stdout.write(problem)


if __name__ == "__main__":
    main()
