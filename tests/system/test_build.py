"""What is built from the sources is whole: translations, documents, man pages, and it runs on its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_IN_GIT = shutil.ignore_patterns(
    ".git", ".venv", "*.mo", "*.egg-info", "__pycache__", "build", "dist", ".*_cache", ".hypothesis", ".bootstrap*"
)

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("WTPD_", "PYTHON", "PIP_"))}
    return subprocess.run(
        command, cwd=cwd, env=clean | environment, capture_output=True, text=True, check=False, timeout=250
    )


def built(kind: str, tree: Path, folder: Path) -> Path:
    """`sdist` or `wheel` of `tree`, as pip builds it but with the tools of this environment: no network."""
    folder.mkdir(exist_ok=True)
    build = f"from setuptools.build_meta import build_{kind} as b; import sys; print('built', b(sys.argv[1]))"
    done = run(sys.executable, "-W", "ignore", "-c", build, folder, cwd=tree)
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source distribution, from a checkout in which nothing was compiled, and the wheel, from what is in it."""
    folder = tmp_path_factory.mktemp("build")
    shutil.copytree(ROOT, folder / "checkout", ignore=NOT_IN_GIT)
    sdist = built("sdist", folder / "checkout", folder / "dist")
    assert run("tar", "-xf", sdist, cwd=folder).returncode == 0
    return sdist, built("wheel", folder / sdist.name.removesuffix(".tar.gz"), folder / "dist")


@pytest.fixture(scope="module")
def installed(packages: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel; the libraries are those of this one, but not the checkout."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    here = tmp_path_factory.getbasetemp()
    assert run("/usr/bin/env", sys.executable, "-m", "venv", "--without-pip", folder, cwd=here).returncode == 0
    [libraries] = folder.glob("lib/python*/site-packages")
    done = run(
        *(sys.executable, "-m", "pip", "--python", folder / "bin/python", "install", "--quiet", "--no-deps"),
        *("--no-index", "--disable-pip-version-check", packages[1]),
        cwd=here,
    )
    assert done.returncode == 0, done.stderr
    # Not the path itself: Python reads these files as the locale says, C has no umlauts.
    (libraries / "libraries.pth").write_text(f"import sys; sys.path.append({sysconfig.get_path('purelib')!a})\n")
    return folder


def test_the_source_distribution_has_what_is_in_the_repository(packages: tuple[Path, Path]) -> None:
    with tarfile.open(packages[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    listed = run("git", "ls-files", "-z", cwd=ROOT)
    if listed.returncode != 0:
        pytest.skip("this is no git checkout, so the files of the repository aren't known")
    files = {name for name in listed.stdout.split("\0") if name and not name.startswith(".") and (ROOT / name).exists()}
    assert len(files) > 500
    assert sorted(files - names) == []
    assert {f"wtpd/locale/{language}/LC_MESSAGES/wtpd.mo" for language in ("de", "nl")} <= names


def test_the_wheel_has_translations_man_pages_units_and_the_example(packages: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(packages[1]) as archive:
        names = archive.namelist()
        [metadata] = [archive.read(name).decode() for name in names if name.endswith(".dist-info/METADATA")]
    data = "wtpd-0.1.0.data/data/share"
    wanted = {
        *(f"wtpd/locale/{language}/LC_MESSAGES/wtpd.mo" for language in ("de", "nl")),
        *(f"{data}/man/man1/wtpd.1", f"{data}/man/man5/wtpd.yaml.5"),
        *(f"{data}/wtpd/{name}" for name in ("wtpd.yaml", "wtpd.service", "wtpd.socket", "wtpd.sysusers")),
        *(f"{data}/wtpd/wtpd.service.d/systemd-254.conf", f"{data}/wtpd/constraints.txt"),
        *(f"{data}/doc/wtpd/{name}" for name in ("README.md", "operating.md", "terminals.md")),
    }
    assert sorted(wanted - set(names)) == []
    assert "License-Expression: Apache-2.0" in metadata
    assert "Requires-Dist: systemd-python" not in metadata.replace("Requires-Dist: systemd-python<236,>=235; extra", "")


@pytest.mark.parametrize(
    ("language", "sentence"), [("de", "ist in Ordnung."), ("nl", "is in orde."), ("en", "is all right.")]
)
def test_the_installed_program_speaks_each_language(
    installed: Path, tmp_path: Path, language: str, sentence: str
) -> None:
    example = installed / "share/wtpd/wtpd.yaml"
    done = run(installed / "bin/wtpd", "--lang", language, "config", "check", example, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == f"{example} {sentence}"


def test_the_demo_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "bin/wtpd", "demo", "--json", "--no-tui", "--dir", tmp_path / "house", cwd=tmp_path)
    assert done.stderr == ""
    assert json.loads(done.stdout)["ok"]


def test_a_tree_without_catalogues_isnt_built(tmp_path: Path) -> None:
    shutil.copytree(ROOT, tmp_path / "tree", ignore=shutil.ignore_patterns(".*", "*.po", "*.mo", "tests", "*.egg-info"))
    build = "from setuptools.build_meta import build_wheel; import sys; build_wheel(sys.argv[1])"
    done = run(sys.executable, "-c", build, tmp_path, cwd=tmp_path / "tree")
    assert done.returncode == 1
    assert "no complete source tree" in done.stderr
