"""What others may extend: the protocols of judges and providers, and the hooks that register them.

Any pytest plugin or ``conftest.py`` may implement these hooks. The built-in judges, providers and the
history register through the same ones.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias, runtime_checkable

import pluggy

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pytest_promptevals.records.cases import Case, ProviderConfig
    from pytest_promptevals.records.comparisons import Comparison
    from pytest_promptevals.records.drafts import Draft, Export, ExportRequest, ImportRequest
    from pytest_promptevals.records.limits import RateLimits
    from pytest_promptevals.records.requests import Request
    from pytest_promptevals.records.responses import Message, RenderedPrompt, Response
    from pytest_promptevals.records.results import CaseResult, Grade
    from pytest_promptevals.records.run_reports import RunReport
    from pytest_promptevals.records.runs import Run

hookspec = pluggy.HookspecMarker("pytest")
hookimpl = pluggy.HookimplMarker("pytest")


class Ask(Protocol):
    """How a judge calls models without holding a provider.

    ``await ask("provider/model", messages, parameters)`` returns a model's answer, and
    ``await ask.embed("provider/model", text, parameters)`` the vector of a text. The parameters are those of the API.
    """

    async def __call__(self, model: str, messages: Sequence[Message], parameters: Mapping[str, object]) -> Response:
        """Return the answer to messages. Asking the same again is another call. Raises ``ProviderError``."""
        ...

    async def embed(self, model: str, text: str, parameters: Mapping[str, object]) -> Response:
        """Return a response with the vector of a text, which is not empty, as its ``embedding``.

        Equal texts are one call, whoever asks, and texts that are asked for at the same time go to the server together.
        Raises ``ProviderError``.
        """
        ...


@dataclass(frozen=True, slots=True)
class JudgeInput:
    """All that a judge may look at."""

    case: Case
    """The case, with its ``expected`` and ``context``."""
    response: Response
    """What came back."""
    prompt: RenderedPrompt | None = None
    """What was asked; ``None`` where nothing was rendered."""
    search_path: tuple[Path, ...] = ()
    """Folders in which functions and files that the judge names are looked up: that of the file which names them,
    then the rootdir."""
    before: str | None = None
    """The baseline's output, perhaps cut; ``None`` if there is none. Only for a judge with ``wants_before = True``."""
    model: str = ""
    """``provider/model`` that was asked; empty for an output that was recorded."""
    parameters: Mapping[str, object] = field(default_factory=dict)
    """Parameters of that call."""
    render: Callable[[str], Awaitable[RenderedPrompt]] | None = None
    """Renders another prompt, that of a file, for the case. Raises ``PromptError``, or ``FileProblem``."""


@runtime_checkable
class Judge(Protocol):
    """Turns a response into a grade.

    A judge is a class. It is made once for each entry of an eval file's ``judges``, with its validated parameters,
    and is then called for many cases at once, so it keeps no state of a case.

    It may have two more methods, which are called at collection, before any model is paid. Both raise ``JudgeError``:
    ``check_case(case)`` if no response to that case could be graded, and ``check_files(search_path)`` if a function or
    file that the parameters name cannot be found.

    A judge that has something to load, such as a local model, may have a method ``prepare(search_path)``, too. It is
    called in a thread when the first of its cases starts, while responses are still on their way, and what it raises
    is ignored: ``judge`` may be called before it has ended, or without it, and then loads what is missing.

    Four more members help the engine, where a judge has them: ``wants_before``, true for one that looks at the
    baseline's output; ``calls_for(subject)``, which returns a ``JudgeCall`` for each model call that it would make for
    a response, so that a plan can count them; ``content_hash``, a text that changes with what it read from files,
    so that scores from other files are not compared; and ``content``, plain JSON data with what it read, which the
    history keeps, so that a reader can see what changed.
    """

    name: ClassVar[str]
    """What users write in an eval file."""
    level: ClassVar[int]
    """1 = free and offline, 2 = calls a model, 3 = a person."""
    default_threshold: ClassVar[float]
    """Smallest grade that passes where the user says nothing."""
    shorthand: ClassVar[str | None]
    """The parameter that ``name: value`` sets; ``None`` if the judge takes no bare value."""
    Parameters: ClassVar[type[BaseModel]]
    """Wire model of the parameters."""

    def __init__(self, parameters: BaseModel) -> None: ...

    async def judge(self, subject: JudgeInput, ask: Ask) -> Grade:
        """Grade one response. Raises ``JudgeError`` where no grade can be given."""
        ...


class Provider(Protocol):
    """Calls the models of one API. One that makes vectors of texts, too, is an ``EmbeddingProvider``."""

    async def complete(self, request: Request) -> Response:
        """Make one call. Raises ``ProviderError``; never retries by itself."""
        ...

    async def close(self) -> None:
        """Free connections. Called once, on the loop that made the calls."""
        ...


class EmbeddingProvider(Provider, Protocol):
    """A provider that makes vectors of texts, too. A judge's ``ask.embed`` needs one.

    Example::

        async def embed(self, request):
            text = request.messages[0].content
            numbers = [float(text.lower().count(letter)) for letter in "etaoin"]
            return Response("", embedding=encode_vector(numbers), usage=Usage(len(text.split()), 0))
    """

    async def embed(self, request: Request) -> Response:
        """Return a response with the vector of one text as its ``embedding``.

        The text is the content of the request's only message. Raises ``ProviderError``; never retries by itself. It is
        called for many texts at once, and may wait for some milliseconds to send them together.
        """
        ...


def _ignore_limits(model: str, limits: RateLimits) -> None:
    """Take rate limits that nobody asked for."""


@dataclass(frozen=True, slots=True)
class ProviderContext:
    """What a provider is made from."""

    config: ProviderConfig
    """Its name and options as the user wrote them."""
    rootdir: Path
    """Root of the project."""
    search_path: tuple[Path, ...] = ()
    """Folders in which files and functions named by the user are looked up, nearest first."""
    concurrency: int = 64
    """How many calls may be under way at once: the size of a connection pool."""
    timeout: float = 120.0
    """Seconds that one call may take."""
    report_limits: Callable[[str, RateLimits], None] = _ignore_limits
    """Takes a model's name and the rate limits that an answer of its server told; a provider calls it if it can."""


ProviderFactory: TypeAlias = Callable[[ProviderContext], Provider]
"""Makes a provider.

It may have an attribute ``identify``, a function of the context that returns plain JSON data: all that decides an
answer beside the model, the messages and the parameters, such as the base URL, or ``None`` if answers may not be kept.
It is part of the key of the response cache and is asked before the provider is made, so it imports nothing heavy.
Without it answers are not kept, since code may have changed behind them, unless the user says ``cache: true`` for the
provider: then its type and options stand in the place of what it would return.
"""


JudgePlace: TypeAlias = str
"""Where a judge's class stands, as ``module:Class``."""


@hookspec
def pytest_promptevals_judges() -> Sequence[type[Judge]] | Mapping[str, type[Judge] | JudgePlace]:  # type: ignore[empty-body]
    """Return judges to register: a list of classes, or a mapping of names.

    A mapping may say where a class stands, as ``module:Class``: then it is imported only where an eval file names it.

    Example::

        def pytest_promptevals_judges():
            return [MyJudge]

        def pytest_promptevals_judges():
            return {"mine": "my_package.judges:MyJudge"}
    """


@hookspec
def pytest_promptevals_providers() -> Mapping[str, ProviderFactory]:  # type: ignore[empty-body]
    """Return providers to register, by the name that stands before the ``/`` in ``provider/model``.

    Example::

        def pytest_promptevals_providers():
            return {"acme": AcmeProvider}
    """


@runtime_checkable
class Importer(Protocol):
    """Makes an eval file of another tool's file, for ``promptevals import``.

    What has no equivalent goes into the draft's losses with its place: nothing is dropped in silence. One whose files
    name their fields as they like has an attribute ``takes_map = True``: then ``--map`` says which field is what.
    """

    description: str
    """What it reads, in a few words: the help shows it."""

    def recognizes(self, request: ImportRequest) -> bool:
        """Return whether the file is of that format, judged by its sample and its name."""
        ...

    def read(self, request: ImportRequest) -> Draft:
        """Return the eval file. Raises ``FileProblem`` or ``DatasetError`` if the file cannot be read at all."""
        ...


ImporterPlace: TypeAlias = str
"""Where an importer's class stands, as ``module:Class``; it is made without arguments."""


@hookspec
def pytest_promptevals_importers() -> Mapping[str, Importer | ImporterPlace]:  # type: ignore[empty-body]
    """Return importers to register, by the name of their format: ``promptevals import --format NAME``.

    The command runs without pytest: a package names the plugin that implements this hook as an entry point of the group
    ``pytest_promptevals``.

    Example::

        def pytest_promptevals_importers():
            return {"acme": "my_package.importing:AcmeImporter"}
    """


@runtime_checkable
class Exporter(Protocol):
    """Writes an eval file as another tool's, for ``promptevals dataset export``.

    What has no equivalent there goes into the export's losses with its place: nothing is dropped in silence.
    """

    description: str
    """What it writes, in a few words: the help shows it."""

    @property
    def endings(self) -> Sequence[str]:
        """What the names of such files end in, with the dot: a file of such a name is written in this format."""
        ...

    def export(self, request: ExportRequest) -> Export:
        """Return the other tool's file. What people and models wrote in it has to be escaped as the format asks."""
        ...


ExporterPlace: TypeAlias = str
"""Where an exporter's class stands, as ``module:Class``; it is made without arguments."""


@hookspec
def pytest_promptevals_exporters() -> Mapping[str, Exporter | ExporterPlace]:  # type: ignore[empty-body]
    """Return exporters to register, by the name of their format: ``promptevals dataset export --format NAME``.

    The command runs without pytest: a package names the plugin that implements this hook as an entry point of the group
    ``pytest_promptevals``.

    Example::

        def pytest_promptevals_exporters():
            return {"acme": "my_package.exporting:AcmeExporter"}
    """


@runtime_checkable
class Report(Protocol):
    """Writes what a run came to, for ``promptevals report RUN --format NAME``."""

    description: str
    """What it is for, in a few words: the help shows it."""
    ending: str
    """What the names of such files end in, with the dot: a file of such a name is written in this format."""

    def render(self, report: RunReport) -> str:
        """Return the text. What models wrote in it is of strangers: escape it as the format asks."""
        ...


ReportPlace: TypeAlias = str
"""Where a report's class stands, as ``module:Class``; it is made without arguments."""


@hookspec
def pytest_promptevals_reports() -> Mapping[str, Report | ReportPlace]:  # type: ignore[empty-body]
    """Return reports to register, by the name of their format.

    Plugins and ``conftest.py`` files of a pytest session may give them, and for the command packages that name their
    plugin as an entry point of the group ``pytest_promptevals``.

    Example::

        def pytest_promptevals_reports():
            return {"acme": "my_package.reports:AcmeReport"}
    """


@hookspec
def pytest_promptevals_run_started(run: Run) -> None:
    """Called once, before the first case of a run is recorded.

    Example::

        def pytest_promptevals_run_started(run):
            print("run", run.id, "at", run.git.commit if run.git else "no commit")
    """


@hookspec
def pytest_promptevals_case_finished(run: Run, result: CaseResult) -> None:
    """Called for each case as its result arrives, in the process that writes the history.

    Example::

        def pytest_promptevals_case_finished(run, result):
            metrics.gauge("eval.score", result.score, case=result.name)
    """


@hookspec
def pytest_promptevals_run_finished(run: Run, comparisons: Sequence[Comparison]) -> None:
    """Called once, when all cases are in and the gates have answered.

    Example::

        def pytest_promptevals_run_finished(run, comparisons):
            for comparison in comparisons:
                notify(comparison.file, [gate.verdict.value for gate in comparison.gates])
    """
