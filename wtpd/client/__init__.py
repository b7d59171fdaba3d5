"""The typed client of the local API, which CLI, TUI and demo use; there is no other door (spec: api.md).

    async with Client("/run/wtpd/api.sock", language="de") as api:
        for appointment in (await api.appointments.list(site="rostock", day="2026-11-23"))["items"]:
            ...

Answers are the API's JSON as it is (`Json`); times are RFC 3339 strings. Every call raises only

    ClientError
    ├── Unreachable   nobody listens at the socket, or the daemon went away during the call
    └── ApiProblem    the daemon said no (RFC 9457), in the language asked for

A read, and a write that carries an idempotency key, is repeated by itself when its answer got lost.
"""

from wtpd.client.client import Client
from wtpd.client.events import Event
from wtpd.client.http import DEFAULT_SOCKET, ApiProblem, ClientError, FieldProblem, Json, Unreachable

__all__ = ["DEFAULT_SOCKET", "ApiProblem", "Client", "ClientError", "Event", "FieldProblem", "Json", "Unreachable"]
