"""`wtpd assessor` and `wtpd user`: people for whom credentials are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wtpd.cli.command import Group, argument, command, option
from wtpd.cli.values import show_value
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Client, Json
    from wtpd.client.records import Collection

assessor = Group(
    "assessor",
    about=N_("Assessors: those who sign reports, and may have credentials of their own."),
    example='wtpd assessor\nwtpd assessor set meier --name "Petra Meier"',
    default="list",
)
user = Group(
    "user",
    about=N_("Users who may have e-mail credentials of their own."),
    example='wtpd user\nwtpd user set anna --name "Anna Berg"',
    default="list",
)


def _add_commands(group: Group, of: Callable[[Client], Collection], example: str) -> None:
    @command("list", N_("List all."), example=f"wtpd {group.name} list", group=group)
    def list_people(console: Console) -> None:
        people = console.ask(lambda api: of(api).list())["items"]
        rows = [[one["id"], one["name"], show_value(one["active"])] for one in people]
        console.answer(people, lambda: console.table([N_("sign"), N_("name"), N_("active")], rows))

    @command("set", N_("Add one, or change name or state."), example=example, group=group)
    @argument("person_id", metavar="ID")
    @option("--name", about=N_("First and last name; needed for a new one."))
    @option(
        "--active/--inactive", default=None,
        about=N_("Credentials of an inactive one serve no order any more; they stay stored."),
    )  # fmt: skip
    def set_person(console: Console, person_id: str, name: str | None, active: bool | None) -> None:
        values = {key: value for key, value in (("name", name), ("active", active)) if value is not None}
        person = console.ask(lambda api: _put(of(api), person_id, values))
        console.answer(person, lambda: console.line(f"{person['id']}  {person['name']}"))


async def _put(people: Collection, person_id: str, values: dict[str, str | bool]) -> Json:
    from wtpd.client import ApiProblem

    try:
        known = await people.get(person_id)
    except ApiProblem as problem:
        if problem.status != 404:
            raise
        return await people.create({"id": person_id, **values})
    return await people.change(person_id, values, version=known["version"])


_add_commands(assessor, lambda api: api.assessors, 'wtpd assessor set meier --name "Petra Meier"')
_add_commands(user, lambda api: api.users, 'wtpd user set anna --name "Anna Berg"')
