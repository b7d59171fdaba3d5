"""Files of settings with a very long text of each kind in each place, checked as `wtpd config check` does.

    python -m tests.support.odd_settings FOLDER SECONDS PLACE

checks one after another and writes to FOLDER/at which it is at; the kernel ends it after SECONDS of processor time.
"""

from __future__ import annotations

import contextlib
import io
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.patterns import KINDS, LENGTH
from wtpd.cli.main import run
from wtpd.config.mask import masked

PLACES = {
    "value": "language: {}\n",
    "quoted value": "language: '{}'\n",
    "double-quoted value": 'box:\n  name: "{}"\n',
    "block": "box:\n  name: |\n    {}\n",
    "secret value": "connectors:\n  superservice:\n    password: {}\n",
    "key": "{}: de\n",
    "quoted key": "box:\n  '{}': de\n",
    "explicit key": "? {}\n: de\n",
    "list item": "modules:\n  - {}\n",
    "flow": "box: {{name: a, {}: b}}\n",
    "comment": "language: de  # {}\n",
    "anchor": "language: &{} de\n",
    "tag": "language: !{} de\n",
    "all": "{}",
}
SLOW = 4.0
"""Seconds of processor time for one file: many times what the slowest needs."""


def odd(place: str) -> Iterator[tuple[str, str]]:
    """Kind and file."""
    for kind in KINDS:
        yield kind, PLACES[place].format(kind * (LENGTH // len(kind)))
        yield f"{kind}…!", PLACES[place].format(kind * (LENGTH // len(kind)) + "!")


def main(folder: str, seconds: str, place: str) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 1))
    at, file, wrong = Path(folder, "at"), Path(folder, "wtpd.yaml"), list[str]()
    for kind, text in odd(place):
        at.write_text(f"{place} {kind!r}", encoding="utf-8")
        file.write_text(text, encoding="utf-8")
        begun = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            code = run(["config", "check", str(file)], {"LANG": "de_DE.UTF-8"})
        masked(text)
        longest = max(map(len, printed.getvalue().splitlines()), default=0)
        if time.process_time() - begun > SLOW or code not in (0, 1) or longest > 1000:
            wrong.append(f"{place} {kind!r}: code {code}, {time.process_time() - begun:.1f} s, a line of {longest}")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main(*sys.argv[1:])
