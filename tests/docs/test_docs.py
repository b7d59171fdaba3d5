"""README, man pages and guides say what is so."""

from __future__ import annotations

import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest

from wtpd.cli.main import wtpd
from wtpd.config.schema import schema

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "docs/operating.md")


@pytest.fixture(scope="module")
def man() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_man", ROOT / "packaging/man/make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["wtpd.1", "wtpd.yaml.5"])
def test_man_pages_are_made_from_the_program_as_it_is(man: ModuleType, name: str) -> None:
    made = man.pages()[name]
    assert (ROOT / "packaging/man" / name).read_text() == made, "run packaging/man/make.py"


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group) and name != "act":
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def test_the_man_page_has_every_command_and_no_other() -> None:
    page = (ROOT / "packaging/man/wtpd.1").read_text().split(".SH COMMANDS")[1].split(".SH EXIT")[0]
    told = {
        tuple(word for word in line.replace("\\-", "-").split() if re.fullmatch(r"[a-z-]+", word))
        for line in re.findall(r"^\.B ([a-z].*)$", page, re.MULTILINE)
    }
    assert told == set(commands(wtpd))


def keys(part: dict[str, Any]) -> Iterator[str]:
    for kind in part["$defs"].values():
        yield from kind.get("properties", {})


def test_every_setting_is_in_the_man_page() -> None:
    page = (ROOT / "packaging/man/wtpd.yaml.5").read_text().replace("\\-", "-")
    told = {line.split()[0].rsplit(".", 1)[-1] for line in re.findall(r"^\.B (\S+.*)$", page, re.MULTILINE)}
    assert set(keys(schema())) <= told


def examples(document: str) -> list[str]:
    """Lines of code blocks that call wtpd."""
    blocks = re.findall(r"^ *```\n(.*?)^ *```", (ROOT / document).read_text(), re.DOTALL | re.MULTILINE)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip().startswith("wtpd ")]


@pytest.mark.parametrize(("document", "line"), [(name, line) for name in DOCUMENTS for line in examples(name)])
def test_examples_in_the_documents_are_calls_that_exist(
    document: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = shlex.split(line)[1:]
    monkeypatch.chdir(tmp_path)
    for word in words:
        if word.endswith(".csv"):
            (tmp_path / word).touch()
    group: click.Command = wtpd
    while isinstance(group, click.Group):
        context = click.Context(group)
        default = getattr(group, "default", None)
        if default and (not words or words[0].startswith("-")):
            words = [default, *words]
        _, found, words = group.resolve_command(context, words)
        assert found is not None, f"{document}: {line}"
        group = found
    group.make_context("wtpd", words)


def test_every_runtime_library_is_in_the_readme_with_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    libraries = [*project["dependencies"], *extras["systemd"], *extras["demo"]]
    wanted = {re.split(r"[<>=\[;]", line)[0].strip() for line in libraries}
    table = (ROOT / "README.md").read_text().split("## Libraries")[1]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")
    ]
    told = {row[0]: row[2] for row in rows[2:]}
    assert told.keys() == wanted
    assert all(told.values())


def test_paths_in_the_readme_exist() -> None:
    text = (ROOT / "README.md").read_text()
    paths = re.findall(r"`((?:wtpd|docs|etc|packaging|tests|script|bench)/[\w./-]*)`", text)
    missing = [path for path in paths if not (ROOT / path).exists()]
    assert missing == []


def test_the_readmes_two_commands_can_be_run() -> None:
    first = re.search(r"^```\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    assert first is not None
    for line in first[1].splitlines():
        assert (ROOT / line).stat().st_mode & 0o111, line


def test_every_library_is_pinned() -> None:
    def folded(name: str) -> str:
        return re.sub(r"[-_.]+", "-", name).lower()

    pinned = {
        folded(line.split("==")[0]) for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
    }
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = settings["project"]["optional-dependencies"].values()
    required = [*settings["project"]["dependencies"], *(line for extra in extras for line in extra)]
    wanted = {folded(re.split(r"[<>=\[;]", line)[0].strip()) for line in required} - {"wtpd"}
    assert sorted(wanted - pinned) == []
    assert all("==" in line for line in settings["build-system"]["requires"])


def test_the_changelog_has_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()
