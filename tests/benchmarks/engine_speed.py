"""A whole pytest run over a model server, against a bare asyncio script with the SDK's default client.

Both are whole processes on the same loopback server, run in turn, so that a busy machine slows both. The script makes
the same calls with the same concurrency and does nothing with the answers; pytest starts each round without a cache.
Efficiency is the time that the server alone would take, divided by the time it took. ::

    python tests/benchmarks/engine_speed.py --preset many
    python tests/benchmarks/engine_speed.py --preset many --api anthropic
    python tests/benchmarks/engine_speed.py --cases 1000 --concurrency 50 --latency 0.2 --rounds 3
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a script, from anywhere

from tests.benchmarks.folders import forget, served_by, write_eval_folder
from tests.benchmarks.processes import PYTEST, Usage, median_of, print_ratio, run
from tests.support.server_fixture import ModelServer

SCRIPT: Final = """
import asyncio, sys
from {package} import {client}

COUNT, CONCURRENCY, BASE_URL = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]

async def main():
    slots = asyncio.Semaphore(CONCURRENCY)
    async with {client}(api_key="none", base_url=BASE_URL, max_retries=0) as client:
        async def call(number):
            async with slots:
                answer = await client.{method}(
                    model="echo-model", messages=[{{"role": "user", "content": f"question {{number}}"}}]{further}
                )
                return answer.{text} == f"question {{number}}"
        answers = await asyncio.gather(*(call(number) for number in range(COUNT)))
    print(f"{{sum(answers)}} right")

asyncio.run(main())
"""

SCRIPTS: Final = {
    "openai": SCRIPT.format(
        package="openai",
        client="AsyncOpenAI",
        method="chat.completions.create",
        further="",
        text="choices[0].message.content",
    ),
    "anthropic": SCRIPT.format(
        package="anthropic",
        client="AsyncAnthropic",
        method="messages.create",
        further=", max_tokens=64",
        text="content[0].text",
    ),
}

PRESETS: Final[Mapping[str, Mapping[str, float]]] = {
    "many": {"cases": 10_000, "latency": 0.2, "concurrency": 200, "at_most": 0.7},
    "few": {"cases": 1_000, "latency": 0.2, "concurrency": 50, "at_least": 0.65},
    "slow": {"cases": 3_000, "latency": 1.0, "concurrency": 100, "at_least": 0.9},
}
"""Sizes that the project promises something about, with the promise."""


def measure(folder: Path, options: argparse.Namespace, base_url: str) -> tuple[Usage, Usage]:
    """Return the medians of the pytest run and of the bare script."""
    bare_command = [sys.executable, "bare.py", str(options.cases), str(options.concurrency), base_url]
    evals_command = [*PYTEST, f"--evals-concurrency={options.concurrency}", f"--evals-history={options.history}"]
    bare, evals = [], []
    for _ in range(options.rounds):
        bare.append(run(bare_command, folder, f"{options.cases} right"))
        forget(folder)
        evals.append(run(evals_command, folder, f"{options.cases} passed"))
    return median_of(evals), median_of(bare)


def read_options() -> argparse.Namespace:
    """Return the options of the command line: those of the preset, where it has one, replaced by what was given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=PRESETS, help="sizes and bounds that go together")
    parser.add_argument("--api", choices=SCRIPTS, default="openai")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds the server takes for an answer")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each; the table shows medians")
    parser.add_argument("--history", default=".promptevals/history.db", help="'off' leaves the history out")
    parser.add_argument("--at-most", type=float, help="largest ratio of wall time and of CPU time that passes")
    parser.add_argument("--at-least", type=float, help="smallest efficiency that passes")
    preset = parser.parse_args().preset
    parser.set_defaults(**PRESETS.get(preset, {}))
    return parser.parse_args()


def main() -> int:
    """Print the table; return 1 if a ratio is above ``--at-most`` or the efficiency below ``--at-least``."""
    options = read_options()
    with tempfile.TemporaryDirectory() as root, ModelServer() as server:
        server.control(latency=options.latency)
        base_url = server.open_url if options.api == "openai" else f"{server.url}/open"
        folder = Path(root) / "evals"
        write_eval_folder(folder, options.cases, served_by(base_url, options.api))
        (folder / "bare.py").write_text(SCRIPTS[options.api], encoding="utf-8")
        evals, bare = measure(folder, options, base_url)

    def efficiency(usage: Usage) -> float:
        return float(options.cases * options.latency / (options.concurrency * usage.wall))

    title = f"{options.cases} cases, {options.latency:g} s, concurrency {options.concurrency}, {options.rounds} rounds"
    ratio = print_ratio(
        f"{options.api}: {title}",
        ("pytest with evals", evals),
        ("bare script", bare),
        ("CPU ms a case", lambda usage: usage.cpu * 1000 / options.cases),
        ("efficiency", efficiency),
    )
    is_slow = options.at_most is not None and max(ratio.wall, ratio.cpu) > options.at_most
    return int(is_slow or (options.at_least is not None and efficiency(evals) < options.at_least))


if __name__ == "__main__":
    raise SystemExit(main())
