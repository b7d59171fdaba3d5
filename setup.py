"""Compiles the catalogues of the texts before anything is packed; the rest of the build is in pyproject.toml.

The compiled files (`*.mo`) aren't in git, and a package without them would speak English only.
"""

from __future__ import annotations

from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).parent


def compile_catalogues() -> None:
    """Write `wtpd.mo` beside each `wtpd.po`. Raises `SystemExit` if there is no catalogue at all."""
    sources = sorted(HERE.glob("wtpd/locale/*/LC_MESSAGES/wtpd.po"))
    if not sources:
        raise SystemExit("wtpd/locale has no catalogues: this is no complete source tree")
    for source in sources:
        with source.open("rb") as file:
            catalogue = read_po(file, domain="wtpd", abort_invalid=True)
        with source.with_suffix(".mo").open("wb") as file:
            write_mo(file, catalogue)


class BuildPy(build_py):
    def run(self) -> None:
        compile_catalogues()
        super().run()


class Sdist(sdist):
    def run(self) -> None:
        compile_catalogues()
        super().run()


setup(cmdclass={"build_py": BuildPy, "sdist": Sdist})
