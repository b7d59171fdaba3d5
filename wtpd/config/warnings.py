"""What a file may say, but hardly means: shown by `wtpd config check`, and no reason to refuse it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from wtpd.config import names
from wtpd.config.errors import Place
from wtpd.config.model import Config
from wtpd.config.rules import Known
from wtpd.config.tree import Node, Path, Scalar, nearest_place, walk
from wtpd.texts import N_, Text

Doubt = tuple[Place, Path, Text]


def find(config: Config, known: Known, root: Node, text: str, empty: Iterable[tuple[Path, Place]]) -> Iterator[Doubt]:
    """All of them, in no special order. `empty`: sections with nothing below them."""
    yield from _comments(root, text.split("\n"))
    for path, place in empty:
        if len(path) >= 3 and path[0] == "sites" and "partners" in path:
            yield place, path, _EMPTY_PARTNER
    for path, said in (*_missing(config), *_listener(config), *_mails(config), *_sites(config)):
        yield nearest_place(root, path), path, said


_EMPTY_PARTNER = N_("nothing stands below it, so no appointments are exchanged with this partner: give dealer_number")


def _missing(config: Config) -> Iterator[tuple[Path, Text]]:
    if not config.sites:
        yield ("sites",), N_("there are no sites: wtpd keeps no appointments. Was the end of the file lost?")
    elif not config.mail.host and any(site.status_mail for site in config.sites):
        yield ("mail", "host"), N_("no mail server is set (mail.host): nobody gets status mails")


def _listener(config: Config) -> Iterator[tuple[Path, Text]]:
    if config.listener.key is not None and config.listener.certificate is None:
        yield ("listener", "key"), N_("key has no effect without certificate; give both, or take key out")


def _mails(config: Config) -> Iterator[tuple[Path, Text]]:
    """Nothing in wtpd sends a mail for an assessor or a user."""
    settings = config.credentials.get("email")
    if settings is not None and settings.scope in ("assessor", "user"):
        yield ("credentials", "email", "scope"), N_(
            "scope: {scope} serves other programs only; status mails log in with the general entry",
            scope=settings.scope,
        )  # fmt: skip


def _sites(config: Config) -> Iterator[tuple[Path, Text]]:
    for number, site in enumerate(config.sites):
        at: Path = ("sites", number)
        if not site.departments:
            yield (
                at,
                N_("{site} has no departments, so nothing can be booked. Was the end of the file lost?", site=site.id),
            )
        for key in ("email", "status_mail"):
            address = getattr(site, key)
            if address is not None and not names.is_ascii_local(address):
                yield (*at, key), N_(
                    "{address}: many mail servers refuse letters like these before the @; a mail that can't be sent is "
                    "told in wtpd status", address=address,
                )  # fmt: skip
        for index, department in enumerate(site.departments):
            if department.load_limit > 100:
                yield (
                    (*at, "departments", index, "load_limit"),
                    N_("load_limit {value}: wtpd books more than the department can do", value=department.load_limit),
                )


def _comments(root: Node, lines: Sequence[str]) -> Iterator[Doubt]:
    """`name: Autohaus #1 Rostock`, of which YAML reads `Autohaus`: a comment begins with # and a blank."""
    for path, node in walk(root):
        if not isinstance(node, Scalar) or not node.plain or not isinstance(node.value, str):
            continue
        line = lines[node.place.line - 1][node.place.column - 1 :]
        rest = line.removeprefix(node.text).lstrip(" ")
        if line.startswith(node.text) and rest[:1] == "#" and rest[1:2].isalnum():
            yield node.place, path, N_(
                'only "{text}" counts: what follows # is a comment. If it belongs to it, put the whole in quotes',
                text=node.text,
            )  # fmt: skip
