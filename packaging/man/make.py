"""Writes the man pages wtpd(1) and wtpd.yaml(5) from the commands and from the schema, so that they can't go stale.

Run it after a change of either: `.venv/bin/python packaging/man/make.py`; a test compares.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from wtpd import language
from wtpd.cli.main import wtpd
from wtpd.cli.sandbox import Acts
from wtpd.config import syntax, tree
from wtpd.config.kinds import Kinds
from wtpd.config.schema import schema
from wtpd.connectors.registry import load as registry
from wtpd.daemon.api import imports, limits, server
from wtpd.daemon.api.routes import MEGABYTE

FOLDER = Path(__file__).parent

ENVIRONMENT = {
    "WTPD_SOCKET": "Socket of the daemon; /run/wtpd/api.sock.",
    "WTPD_CONFIG": "The configuration; /etc/wtpd/wtpd.yaml.",
    "WTPD_DATA_DIR": "Folder of the database, instead of the one in the configuration.",
    "WTPD_KEY_FILE": "File with the key of the credentials, where systemd doesn't hand it over.",
    "WTPD_LOG_LEVEL": "debug, info, warning or error; info.",
    "WTPD_LANG": "de, en or nl; otherwise LC_ALL, LC_MESSAGES or LANG decides.",
    "NO_COLOR": "No colours, if it isn't empty.",
}
FILES = {
    "/etc/wtpd/wtpd.yaml": "The configuration, see wtpd.yaml(5).",
    "/run/wtpd/api.sock": "The API. Group wtpd may read, group wtpd-admin may change.",
    "/var/lib/wtpd": "The database and the history of the configuration.",
}


def _megabytes(size: int) -> str:
    return f"{size // MEGABYTE} MB"


LIMITS = {
    "Callers of the API": (
        f"A user has {limits.PER_CALLER} connections, {limits.OPENED[0]:g} new ones and {limits.REQUESTS[0]:g} "
        f"requests a second ({limits.REQUESTS[1]:g} after a pause), {limits.AT_ONCE} requests under way, "
        f"{limits.STREAMS} event streams, {server.PIPELINED} requests sent ahead on a connection. Over it: 429 with "
        "Retry-After, or the connection is closed; wait that long, or keep fewer open. Root, the daemon's user and "
        f"group wtpd-admin have none of these limits; of {limits.CONNECTIONS} connections {limits.KEPT} are kept for "
        "them."
    ),
    "Requests": (
        f"{server.HEAD // 1024} KB of head within {server.HEAD_TIME:g} s (431, 408); {_megabytes(MEGABYTE)} of body "
        f"(413). An import by one request has {_megabytes(imports.LIMIT)}, an uploaded file "
        f"{_megabytes(imports.UPLOAD_LIMIT)}: split larger ones."
    ),
    "Configuration": (
        f"{syntax.MAX_BYTES:,} bytes, {syntax.MAX_LINES:,} lines, {tree.MAX_NODES:,} entries with what * repeats, "
        f"{syntax.MAX_DEPTH} levels, {tree.MAX_TEXT:,} characters a text, {tree.MAX_DIGITS} a number. A larger file is "
        "refused with its line; the settings before it stay in force."
    ),
}
"""What is limited, how far, and what to do; from the code, so that both say the same."""
EXIT_CODES = {
    "0": "Done; nothing is wrong.",
    "1": "Not done, or something is wrong.",
    "2": "Wrong usage.",
    "3": "The daemon can't be reached.",
}
EXAMPLES = (
    ("What is wrong?", "wtpd status"),
    (
        "Enter the credentials of a partner; they are asked for, or read from standard input.",
        "wtpd credential set superservice",
    ),
    ("Import the lists of the old planner.", "wtpd import kunden.csv fahrzeuge.csv termine.csv"),
    ("What would a run do?", "wtpd sync superservice --dry-run"),
)


def main() -> None:
    for name, page in pages().items():
        (FOLDER / name).write_text(page, encoding="utf-8")


def pages() -> dict[str, str]:
    """File name → roff."""
    language.use("en")
    return {"wtpd.1": "\n".join(command_page()) + "\n", "wtpd.yaml.5": "\n".join(settings_page()) + "\n"}


def command_page() -> Iterator[str]:
    yield f'.TH WTPD 1 "" "wtpd {version("wtpd")}" "wtpd"'
    yield from section("NAME", "wtpd \\- connects a dealership's workshop planner with its partners")
    yield from section("SYNOPSIS", ".B wtpd", '.RI [ options ] " command " [ arguments ]')
    yield from section("DESCRIPTION")
    yield from paragraphs(
        "wtpd keeps the appointment book of a workshop and connects it with the systems of partners. The daemon (wtpd "
        "run) does the work; every other command asks it over its socket.",
        "Every command takes --json (the answer for programs), --socket, --lang and --help.",
    )
    yield ".SH COMMANDS"
    context = click.Context(wtpd, info_name="wtpd")
    for names, command in commands(context, wtpd, ()):
        yield from command_lines(names, command)
    yield from definitions("EXIT STATUS", EXIT_CODES)
    yield from definitions("LIMITS", LIMITS)
    yield from definitions("ENVIRONMENT", ENVIRONMENT)
    yield from definitions("FILES", FILES)
    yield ".SH EXAMPLES"
    for text, example in EXAMPLES:
        yield from (".PP", escape(text), ".PP", ".RS", ".nf", escape(example), ".fi", ".RE")
    yield from section("SEE ALSO", ".BR wtpd.yaml (5),", ".BR journalctl (1),", ".BR systemctl (1)")


def commands(
    context: click.Context, group: click.Group, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with its names. What partners' people can do differs by connector."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        names = (*path, name)
        if isinstance(command, click.Group) and not isinstance(command, Acts):
            yield from commands(context, command, names)
        else:
            yield names, command


def command_lines(names: tuple[str, ...], command: click.Command) -> Iterator[str]:
    usage = " ".join(
        argument.make_metavar(click.Context(command))
        for argument in command.params
        if isinstance(argument, click.Argument)
    )
    if isinstance(command, Acts):
        usage = "PARTNER ACT [OPTIONS]"
    yield ".TP"
    yield f".B {escape(' '.join(names))} {escape(usage)}".rstrip()
    yield escape(command.get_short_help_str(limit=1000) if isinstance(command, click.Group) else str(command.help))
    options = [
        one
        for one in command.params
        if isinstance(one, click.Option) and one.opts[0] not in ("--json", "--socket", "--lang")
    ]
    if not options:
        return
    yield ".RS"
    for option in options:
        record = option.get_help_record(click.Context(command))
        assert record is not None
        yield from (".TP", f".B {escape(record[0])}", escape(record[1]))
    yield ".RE"


def settings_page() -> Iterator[str]:
    yield f'.TH WTPD.YAML 5 "" "wtpd {version("wtpd")}" "wtpd"'
    yield from section("NAME", "wtpd.yaml \\- configuration of wtpd")
    yield from section("SYNOPSIS", ".I /etc/wtpd/wtpd.yaml")
    yield from section("DESCRIPTION")
    yield from paragraphs(
        "One YAML file. Edit it by hand or with a program: a change is noticed, checked as a whole and applied without "
        "a restart. A file with errors is not applied; the last good settings stay in force, and wtpd status shows the "
        "errors.",
        'Dealer numbers, times and country codes are texts and stand in quotes: "00123", "12:30", "NO". Secrets don\'t '
        "belong here; enter them with wtpd credential set.",
        "wtpd config check FILE checks a file, wtpd config schema prints the JSON schema for editors.",
    )
    whole = schema(Kinds.of(registry().manifests.values()))
    kinds: Mapping[str, Any] = whole["$defs"]
    yield ".SH SETTINGS"
    yield from settings_of(resolved(whole, kinds), kinds, "")
    yield from section("LIMITS")
    yield from paragraphs(LIMITS["Configuration"])
    yield from definitions("FILES", {"/etc/wtpd/wtpd.yaml": "The file; /usr/share/doc/wtpd holds a commented example."})
    yield from section("SEE ALSO", ".BR wtpd (1)")


def settings_of(part: Mapping[str, Any], kinds: Mapping[str, Any], path: str) -> Iterator[str]:
    """Every setting with its path, `sites[].departments[].load_limit`."""
    for name, raw in part["properties"].items():
        setting = resolved(raw, kinds)
        where = f"{path}{name}"
        yield ".TP"
        yield f".B {escape(where)}" + (" (needed)" if name in part.get("required", ()) else "")
        yield escape(sentence(raw, setting, kinds))
        if "properties" in setting:
            yield from settings_of(setting, kinds, f"{where}.")
        inner = resolved(setting.get("items") or setting.get("additionalProperties") or {}, kinds)
        if inner.get("items"):
            inner = resolved(inner["items"], kinds)
            where += ".DAY"
        if "properties" in inner:
            is_list = setting.get("type") == "array" or where.endswith(".DAY")
            yield from settings_of(inner, kinds, f"{where}[]." if is_list else f"{where}.NAME.")


def resolved(part: Mapping[str, Any], kinds: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in part:
        return part
    return kinds[part["$ref"].rsplit("/", 1)[1]]


def sentence(raw: Mapping[str, Any], setting: Mapping[str, Any], kinds: Mapping[str, Any]) -> str:
    """What it is, what it may be, what it is without."""
    parts = [str(raw.get("description") or setting.get("description") or "")]
    choices = setting.get("enum") or resolved(setting.get("items", {}), kinds).get("enum")
    if choices:
        parts.append("One of " + ", ".join(str(one) for one in choices if one is not None))
    low, high = setting.get("minimum"), setting.get("maximum")
    if low is not None and high is not None:
        parts.append(f"From {low:g} to {high:g}")
    if setting.get("examples"):
        parts.append("For example " + ", ".join(map(str, setting["examples"])))
    default = raw.get("default")
    if default is not None and not isinstance(default, (dict, list)) and default != "":
        parts.append(f"Default: {json.dumps(default)}")
    return " ".join(_as_sentence(part) for part in parts if part)


def _as_sentence(text: str) -> str:
    text = " ".join(text.split()).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def section(title: str, *lines: str) -> Iterator[str]:
    yield f".SH {title}"
    yield from lines


def paragraphs(*texts: str) -> Iterator[str]:
    for text in texts:
        yield ".PP"
        yield escape(text)


def definitions(title: str, entries: Mapping[str, str]) -> Iterator[str]:
    yield f".SH {title}"
    for name, text in entries.items():
        yield from (".TP", f".B {escape(name)}", escape(text))


def escape(text: str) -> str:
    """Plain text for roff: no backslash, no command at the start of a line, a minus that can be copied."""
    line = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{line}" if line[:1] in (".", "'") else line


if __name__ == "__main__":
    main()
