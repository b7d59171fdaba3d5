"""No file of settings, however odd, holds the daemon or ends it: it passes, or it is refused with a sentence."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.odd_settings import PLACES
from tests.support.partners import MANIFESTS, PROVIDERS
from wtpd.config import file
from wtpd.config.load import ConfigErrors, load
from wtpd.config.mask import masked
from wtpd.errors import Unavailable

LONG = 200_000
SITE = "sites:\n  - id: rostock\n    name: A\n    departments:\n      - id: X\n"
ODD = {
    "letters": f"language: '{'a' * LONG}!'\n",
    "hex": f"language: '{'f0' * (LONG // 2)}'\n",
    "blanks": f"language: 'a{' ' * LONG}b'\n",
    "blanks behind a key": f"box: {{name:{' ' * LONG}}}\n",
    "quotes": "language: " + '"' * LONG + "\n",
    "secrets": "{" + "token: 'a', " * (LONG // 12) + "}\n",
    "addresses": f"# {'a.a@' * (LONG // 4)}\nlanguage: {'a://' * 400}\n",
    "a number": f"box: {{name: 0x{'F' * 5000}}}\n",
    "a sexagesimal": f"box: {{name: 1{':59' * 5000}}}\n",
    "a float": f"mail: {{port: 1{'0' * 5000}.5}}\n",
    "brackets": "a: " + "[" * LONG + "\n",
    "braces": "{" * LONG,
    "tabs": "mail:\n" + "\thost: x\n" * 9000,
    "lines": "\n" * 20_000,
    "nulls": "\0" * LONG,
    "windows": SITE + "        drop_off: {mon: [" + '{times: "08:00-12:00"}, ' * 8000 + "]}\n",
    "sites": "sites:\n" + "  - {id: A, time_zone: Mars/Olympus}\n" * 9000,
    "errors": "sites:\n" + "  - {id: A}\n" * 9000,
    "keys": "".join(f"key{number}: 1\n" for number in range(9000)),
    "one key": "language: de\n" * 9000,
    "colons": "a:" * (LONG // 2),
    "anchors": "".join(f"a{number}: &a{number} 1\n" for number in range(9000)),
    "long keys": "".join(f"{str(number) * 600}: 1\n" for number in range(100, 210)),
    "long values": "sites:\n" + f"  - {{id: {'A' * 2000}}}\n" * 100,
    "merges": "a: &a {b: 1}\nc: {<<: [" + "*a, " * 40_000 + "*a]}\n",
    "deep merges": "a0: &a0 {b: 1}\n" + "".join(f"a{n + 1}: &a{n + 1} {{<<: [*a{n}, *a{n}]}}\n" for n in range(4000)),
    "a text": "box:\n  name: |\n" + "    x\n" * 9000,
    "a date": "box: {name: 0001-01-01T00:00:00+23:59}\n",
    "a wrong tag": 'mail: {port: !!int "", show_names: !!bool x, host: !!timestamp x, security: !!float ""}\n',
}


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_file_is_answered_soon(kind: str, tmp_path: Path) -> None:
    """By processor time, so that a busy machine doesn't matter; 5 s are many times what the slowest needs."""
    path = tmp_path / "wtpd.yaml"
    path.write_text(ODD[kind])
    checked = subprocess.run(
        [sys.executable, "-c", "from wtpd.cli.main import main; main()", "config", "check", str(path)],
        capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (8, 9)),
    )  # fmt: skip
    assert checked.returncode == 1, checked.stderr[-500:]
    assert "Traceback" not in checked.stderr
    assert checked.stdout.startswith("wtpd.yaml:")
    assert max(map(len, checked.stdout.splitlines())) < 1000, "what is quoted is cut"


@pytest.mark.parametrize("place", PLACES)
def test_a_long_text_of_any_kind_is_answered_soon_in_any_place(place: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.support.odd_settings", str(tmp_path), "40", place]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, f"at {(tmp_path / 'at').read_text()}\n{checked.stderr[-2000:]}"


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_file_can_be_shown(kind: str) -> None:
    masked(ODD[kind])


def test_numbers_are_short() -> None:
    with pytest.raises(ConfigErrors, match="this number has 502 characters; 64 are allowed"):
        load(f"box: {{name: 0x{'F' * 500}}}\n")
    with pytest.raises(ConfigErrors, match="1e999"):
        load("box: {name: 1e999}\n")


def test_more_errors_than_anybody_reads_are_counted() -> None:
    with pytest.raises(ConfigErrors) as caught:
        load(ODD["keys"])
    assert str(caught.value.errors[-1]).endswith("more errors follow")
    assert len(caught.value.errors) == 301


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet=st.sampled_from(list("ab:-[]{}#&*!|>'\"%@`,? \n\t\\0123x~.eE_<>=/ä")), max_size=120))
def test_whatever_is_typed_can_be_checked_and_shown(text: str) -> None:
    masked(text)
    try:
        load(text, manifests=MANIFESTS, providers=PROVIDERS)
    except ConfigErrors as errors:
        for language in ("de", "en", "nl"):
            errors.render(language)


@pytest.mark.parametrize("kind", ["fifo", "device", "folder", "unreadable"])
def test_what_is_no_readable_file_is_said_and_not_waited_for(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "wtpd.yaml"
    wanted = "no file but a pipe or a device"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/zero")
    elif kind == "folder":
        path, wanted = tmp_path, "is a folder"
    else:
        if os.geteuid() == 0:
            pytest.skip("root reads everything")
        path.write_text("language: de\n")
        path.chmod(0)
        wanted = "may not be read by this user"
    with pytest.raises(Unavailable, match=wanted):
        file.read(path)
