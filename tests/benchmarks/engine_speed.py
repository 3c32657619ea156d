"""A whole pytest run over a model server, against a bare asyncio script with the same SDK client.

Both are whole processes on the same loopback server, run in turn, so that a busy machine slows both. The script makes
the same calls with the same concurrency and does nothing with the answers::

    python tests/benchmarks/engine_speed.py --cases 1000 --concurrency 50 --latency 0.2 --rounds 3
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a script, from anywhere

from tests.benchmarks.processes import PYTEST, Usage, median_of, print_ratio, run
from tests.support.server_fixture import ModelServer

SCRIPT = """
import asyncio, sys
from openai import AsyncOpenAI

COUNT, CONCURRENCY, BASE_URL = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]

async def main():
    slots = asyncio.Semaphore(CONCURRENCY)
    async with AsyncOpenAI(api_key="none", base_url=BASE_URL, max_retries=0) as client:
        async def call(number):
            async with slots:
                answer = await client.chat.completions.create(
                    model="echo-model", messages=[{"role": "user", "content": f"question {number}"}]
                )
                return answer.choices[0].message.content == f"question {number}"
        answers = await asyncio.gather(*(call(number) for number in range(COUNT)))
    print(f"{sum(answers)} right")

asyncio.run(main())
"""


def write_folder(folder: Path, count: int, base_url: str) -> None:
    """Write the eval file of that many cases, and the bare script."""
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "bare.py").write_text(SCRIPT, encoding="utf-8")
    settings = {
        "model": "local/echo-model",
        "judges": ["exact"],
        "providers": {"local": {"type": "openai", "base_url": base_url}},
    }
    (folder / "evals.yaml").write_text(json.dumps(settings), encoding="utf-8")
    rows = ({"id": f"c{n}", "input": f"question {n}", "expected": f"question {n}"} for n in range(count))
    (folder / "a.eval.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def measure(folder: Path, options: argparse.Namespace, base_url: str) -> tuple[Usage, Usage]:
    """Return the medians of the pytest run and of the bare script."""
    bare_command = [sys.executable, "bare.py", str(options.cases), str(options.concurrency), base_url]
    evals_command = [*PYTEST, f"--evals-concurrency={options.concurrency}", f"--evals-history={options.history}"]
    bare, evals = [], []
    for _ in range(options.rounds):
        bare.append(run(bare_command, folder, f"{options.cases} right"))
        shutil.rmtree(folder / ".promptevals", ignore_errors=True)  # else the second round has a gate to pass, too
        evals.append(run(evals_command, folder, f"{options.cases} passed"))
    return median_of(evals), median_of(bare)


def main() -> int:
    """Print the table; return 1 if the ratio of wall time is above ``--at-most``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds the server takes for an answer")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each; the table shows medians")
    parser.add_argument("--history", default=".promptevals/history.db", help="'off' leaves the history out")
    parser.add_argument("--at-most", type=float, help="largest ratio of wall time that passes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root, ModelServer() as server:
        server.control(latency=options.latency)
        write_folder(Path(root), options.cases, server.open_url)
        evals, bare = measure(Path(root), options, server.open_url)
    title = f"{options.cases} cases, {options.latency:g} s, concurrency {options.concurrency}, {options.rounds} rounds"
    ratio = print_ratio(title, ("pytest with evals", evals), ("bare script", bare))
    return int(options.at_most is not None and ratio.wall > options.at_most)


if __name__ == "__main__":
    raise SystemExit(main())
