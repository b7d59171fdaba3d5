"""Runs the benchmarks: `python -m bench [--quick] [NAME …]`; see bench/README.md."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys
import time

from bench.figures import machine

NAMES = (
    "transports", "initial", "cycle", "latency", "start", "idle", "api", "routes", "search", "importing", "erasing",
    "tui",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Each figure as a ratio in one run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of: {', '.join(NAMES)} (default: all)")
    parser.add_argument(
        "--quick", action="store_true", help="fewer items and rounds: shows that all runs, not how fast"
    )
    given = parser.parse_args()
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    print(f"Machine: {machine()}\n\nCommand: `python -m bench {' '.join(sys.argv[1:])}`")
    missed = 0
    for name in given.names or NAMES:
        started = time.perf_counter()
        figures = asyncio.run(importlib.import_module(f"bench.{name}").run(given.quick))
        print(f"\n## {name} ({time.perf_counter() - started:.0f} s)\n")
        print("| what | measured | target | reached |\n| --- | --- | --- | --- |")
        for figure in figures:
            print(figure.row(), flush=True)
            missed += figure.reached is False
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
