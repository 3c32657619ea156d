"""Every exception of the project.

::

    PromptEvalsError                 base of all; its text is what a user reads
    ├── UsageError                   a setting, option or argument has a bad value
    ├── FileProblem                  one problem in one file, with its place
    ├── DatasetError                 an eval file cannot be used; holds all its FileProblems
    ├── PromptError                  a prompt cannot be loaded or rendered
    ├── FunctionError                a "module:function" cannot be found, or is called wrongly
    ├── JudgeError                   a judge cannot give a score (never a low score)
    ├── ProviderError                a model call gave no response
    │   ├── ProviderConfigError      missing key, unknown provider or option: nothing was called
    │   ├── ProviderConnectionError  the server cannot be reached, or dropped the connection
    │   ├── ProviderStatusError      the server answered with an error status
    │   ├── ProviderTimeoutError     no answer within the timeout
    │   └── CallNotMadeError         the call was not made, for a reason that others share
    ├── HistoryError                 the history database cannot be read or written
    ├── BaselineError                a baseline file cannot be read or written
    ├── CacheError                   the response cache, or a file of recordings, cannot be read or written
    └── CodecError                   stored data is not what this version understands

Errors carry data (path, line, field), and only the edge (pytest or the command line) turns them into
text for its users. Every text says what, where, the value, and what to do next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "BaselineError",
    "CacheError",
    "CallNotMadeError",
    "CodecError",
    "DatasetError",
    "FileProblem",
    "FunctionError",
    "HistoryError",
    "JudgeError",
    "PromptError",
    "PromptEvalsError",
    "ProviderConfigError",
    "ProviderConnectionError",
    "ProviderError",
    "ProviderStatusError",
    "ProviderTimeoutError",
    "UsageError",
    "did_you_mean",
    "percent_hint",
]

_LEAST_PERCENT: Final = 5


class PromptEvalsError(Exception):
    """Base of all errors of the project."""


class UsageError(PromptEvalsError):
    """A setting, option or argument has a bad value."""


class FileProblem(PromptEvalsError):  # noqa: N818 - one of many, DatasetError holds them
    """One problem in one file.

    Args:
        message: what is wrong, with the value, and what to do next.
        path: the file, relative to the rootdir where possible.
        line: 1-based line, or ``None`` where the whole file is meant.
        field: dotted path of the key inside the file, such as ``cases[3].weight``; empty if none.
    """

    def __init__(self, message: str, *, path: str, line: int | None = None, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.line = line
        self.field = field

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        field = f"{self.field}: " if self.field else ""
        return f"{place}: {field}{self.message}"


class DatasetError(PromptEvalsError):
    """An eval file cannot be used. ``problems`` holds everything that is wrong with it, in file order."""

    def __init__(self, problems: Sequence[FileProblem]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class PromptError(PromptEvalsError):
    """A prompt cannot be loaded or rendered."""


class FunctionError(PromptEvalsError):
    """A ``module:function`` cannot be found, or cannot be called as configured."""


class JudgeError(PromptEvalsError):
    """A judge cannot give a score: the case ends as an error, never with a low score."""


class ProviderError(PromptEvalsError):
    """A model call gave no response.

    Args:
        message: one sentence for the user, ending in what to change.
        retryable: whether the same call may succeed later.
        retry_after: seconds the server asked to wait, if it did.
        is_overload: whether the server was asked too much at once (429, 529): ask for less, then ask again.
        is_exhausted: whether the account may make no more calls at all: the provider is not asked again in this run.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        retry_after: float | None = None,
        is_overload: bool = False,
        is_exhausted: bool = False,
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after
        self.is_overload = is_overload
        self.is_exhausted = is_exhausted


class ProviderConfigError(ProviderError):
    """The call cannot be made as configured: missing key, unknown provider, bad option."""


class ProviderConnectionError(ProviderError):
    """The server cannot be reached, or dropped the connection.

    Args:
        message: one sentence for the user.
        retryable: whether the same call may succeed later.
        was_sent: whether the server may have got the request, and may have it paid.
    """

    def __init__(self, message: str, *, retryable: bool = False, was_sent: bool = True) -> None:
        super().__init__(message, retryable=retryable)
        self.was_sent = was_sent


class ProviderStatusError(ProviderError):
    """The server answered with an error status.

    Args:
        message: one sentence for the user.
        status: the HTTP status.
        retryable: whether the same call may succeed later.
        retry_after: seconds the server asked to wait, if it did.
        is_overload: whether the server was asked too much at once.
        is_exhausted: whether the account may make no more calls at all.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        retryable: bool = False,
        retry_after: float | None = None,
        is_overload: bool = False,
        is_exhausted: bool = False,
    ) -> None:
        super().__init__(
            message,
            retryable=retryable,
            retry_after=retry_after,
            is_overload=is_overload,
            is_exhausted=is_exhausted,
        )
        self.status = status


class ProviderTimeoutError(ProviderError):
    """No answer came within the timeout."""


class CallNotMadeError(ProviderError):
    """The call was not made, for a reason that holds for other calls too.

    Args:
        message: one sentence for the user.
        reason: ``budget``, ``quota``, ``refused``, ``replay`` or ``unreachable``.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class HistoryError(PromptEvalsError):
    """The history database cannot be read or written.

    Args:
        message: what is wrong, and what to do next.
        may_pass: whether the same database may take some day what it does not take now.
    """

    def __init__(self, message: str, *, may_pass: bool = False) -> None:
        super().__init__(message)
        self.may_pass = may_pass


class BaselineError(PromptEvalsError):
    """A baseline file cannot be read or written."""


class CacheError(PromptEvalsError):
    """The response cache, or a file of recordings, cannot be read or written."""


class CodecError(PromptEvalsError):
    """Stored data is not what this version understands."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the nearest known name, else the list of known names.

    The answer starts with a space, so that it can be appended to a sentence.
    """
    import difflib  # noqa: PLC0415 - only needed for an error, and a plain pytest run loads this module

    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f" Did you mean {close[0]!r}?"
    if not names:
        return ""
    return " Known: " + ", ".join(names) + "."


def percent_hint(value: object) -> str:
    """Return ``; write 0.2 for 20 %`` for a share that is written as ``20%`` or ``20``, else nothing.

    The answer is appended to a message on a value that is not the share of 1 that is asked for.
    """
    text = str(value).strip()
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        return ""
    # 1.1 is too much by a little, and 2 or 3 are grades; who writes 80 means percent.
    is_meant = text.endswith("%") or (number.is_integer() and number >= _LEAST_PERCENT)
    if not is_meant or not 0 <= number <= 100:  # noqa: PLR2004 - percent
        return ""
    return f"; write {number / 100:.6g} for {number:.6g} %"
