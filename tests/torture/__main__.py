"""`python -m tests.torture --seed 1 --kills 1000`"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from tests.torture.torture import Torture, check, torture


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Kill the daemon while the partner misbehaves, and compare at the end."
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--lives", type=int, default=25, help="kills of one dealership before both sides are compared")
    parser.add_argument("--keep", type=Path, help="folder for databases and logs; else a temporary one")
    parser.add_argument("--plain", action="store_true", help="no side is put back to an earlier state")
    arguments = parser.parse_args()
    kills = faults = 0
    for number in range(0, arguments.kills, arguments.lives):
        with tempfile.TemporaryDirectory() as temporary:
            seed = arguments.seed + number
            folder = (arguments.keep or Path(temporary)) / f"{seed}"
            folder.mkdir(parents=True)
            lives = min(arguments.lives, arguments.kills - number)
            verdict = asyncio.run(torture(folder, seed, lives, stale=not arguments.plain, each=_tell))
            check(verdict)
        kills += verdict.kills
        faults += verdict.faults
        result = verdict.comparison
        print(
            f"seed {seed}: {result.agreed} appointments equal in {result.fields} fields, "
            f"no difference, none twice; {kills} kills and {faults} faults so far; {dict(verdict.stale)}",
            flush=True,
        )


def _tell(victim: Torture) -> None:
    print(f"  life {victim.kills}: {victim.faults} faults", flush=True)


main()
