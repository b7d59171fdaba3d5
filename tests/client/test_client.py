"""The client against a real unix socket: what callers get, and what is repeated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.api_stub import ApiStub, Reply, Request, problem
from wtpd.client import ApiProblem, Client, Event, FieldProblem, Unreachable


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[ApiStub]:
    with ApiStub(tmp_path / "api.sock") as api:
        yield api


@pytest.fixture
async def client(stub: ApiStub) -> AsyncIterator[Client]:
    async with Client(stub.socket, language="nl") as api:
        yield api


async def test_an_answer_is_the_apis_json_in_the_language_asked_for(stub: ApiStub, client: Client) -> None:
    stub.on("GET", "/v1/status", {"state": "ready"})
    assert await client.status() == {"state": "ready"}
    assert stub.requests[0].headers["Accept-Language"] == "nl"


async def test_all_pages_are_read(stub: ApiStub, client: Client) -> None:
    stub.on(
        "GET",
        "/v1/appointments",
        {"items": [{"id": "a"}, {"id": "b"}], "next_cursor": "2"},
        {"items": [{"id": "c"}], "next_cursor": None},
    )
    assert [one["id"] async for one in client.appointments.all(site="rostock", day=None)] == ["a", "b", "c"]
    assert [request.query for request in stub.requests] == [{"site": "rostock"}, {"site": "rostock", "cursor": "2"}]


async def test_a_booking_whose_answer_got_lost_is_sent_again_with_its_key(stub: ApiStub, client: Client) -> None:
    stub.on("POST", "/v1/appointments", Reply(hang_up=True), Reply({"id": "a"}, 201))
    assert await client.appointments.create({"site": "rostock"}) == {"id": "a"}
    first, second = stub.requests
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.body == second.body == {"site": "rostock"}


async def test_two_bookings_have_two_keys(stub: ApiStub, client: Client) -> None:
    stub.on("POST", "/v1/appointments", Reply({"id": "a"}, 201))
    await client.appointments.create({"site": "rostock"})
    await client.appointments.create({"site": "rostock"})
    assert len({request.headers["Idempotency-Key"] for request in stub.requests}) == 2


async def test_a_change_carries_the_version_it_was_made_for(stub: ApiStub, client: Client) -> None:
    stub.on("PATCH", "/v1/appointments/a%2Fb", {"id": "a/b", "version": 4})
    await client.appointments.change("a/b", {"notes": "x"}, version=3, allow_over_limit=True)
    (request,) = stub.requests
    assert request.headers["If-Match"] == '"3"'
    assert request.headers["Content-Type"] == "application/merge-patch+json"
    assert request.query == {"allow_over_limit": "true"}


async def test_a_change_without_key_is_not_repeated(stub: ApiStub, client: Client) -> None:
    stub.on("PATCH", "/v1/customers/c", Reply(hang_up=True))
    with pytest.raises(Unreachable) as caught:
        await client.customers.change("c", {"city": "Rostock"}, version=1)
    assert caught.value.sent
    assert len(stub.requests) == 1


async def test_a_daemon_that_never_answers_is_given_up(stub: ApiStub, client: Client) -> None:
    stub.on("GET", "/v1/status", Reply(hang_up=True))
    with pytest.raises(Unreachable) as caught:
        await client.status()
    assert caught.value.sent
    assert len(stub.requests) == 3


async def test_without_a_daemon_it_is_unreachable(tmp_path: Path) -> None:
    async with Client(str(tmp_path / "none.sock")) as api:
        with pytest.raises(Unreachable) as caught:
            await api.status()
    assert not caught.value.sent
    assert caught.value.socket.endswith("none.sock")


async def test_a_refusal_keeps_kind_sentence_fields_and_figures(stub: ApiStub, client: Client) -> None:
    refusal = problem(409, "refused", "Der Tag ist voll.", errors=[{"field": "drop_off", "detail": "voll"}], limit=80)
    stub.on("POST", "/v1/appointments", refusal)
    with pytest.raises(ApiProblem) as caught:
        await client.appointments.create({})
    assert (caught.value.kind, caught.value.status, str(caught.value)) == ("refused", 409, "Der Tag ist voll.")
    assert caught.value.errors == (FieldProblem("drop_off", "voll"),)
    assert caught.value.facts == {"limit": 80}


async def test_a_refusal_that_is_no_json_is_one_still(stub: ApiStub, client: Client) -> None:
    stub.on("GET", "/v1/status", Reply(status=502, raw=b"<html>"))
    with pytest.raises(ApiProblem) as caught:
        await client.status()
    assert (caught.value.kind, caught.value.detail) == ("error", "HTTP 502")


async def test_a_secret_goes_out_in_the_body_only(stub: ApiStub, client: Client) -> None:
    stub.on("PUT", "/v1/credentials/superservice/office%3Arostock", {"fingerprint": "ab"})
    await client.credentials.set("superservice", "office:rostock", {"client_secret": "s3cret"})
    (request,) = stub.requests
    assert request.body == {"fields": {"client_secret": "s3cret"}}
    assert "s3cret" not in f"{request.path}{request.query}{request.headers}"


async def test_a_file_goes_out_as_it_is(stub: ApiStub, client: Client) -> None:
    stub.on("POST", "/v1/import", {"created": 1})
    assert await client.import_files({"kunden.csv": "Müller".encode("cp1252")}) == {"created": 1}
    assert stub.requests[0].body == {"files": [{"name": "kunden.csv", "content": "TfxsbGVy"}]}


async def test_events_go_on_behind_the_last_one_after_a_restart(stub: ApiStub, client: Client) -> None:
    first = b'id: 7\nevent: appointment.created\ndata: {"id": "a"}\n\n: still there\n\nid: 8\nevent: cut off\ndata: {'
    second = b'id: 8\nevent: run.finished\ndata: {"sent":\ndata: 2}\n\n'
    stub.on("GET", "/v1/events", Reply(raw=first), Reply(raw=second))
    states: list[bool] = []
    stream = client.events(kinds="appointment.*", connected=states.append)
    got = [await anext(stream), await anext(stream)]
    await stream.aclose()  # type: ignore[attr-defined]
    assert got == [Event("7", "appointment.created", {"id": "a"}), Event("8", "run.finished", {"sent": 2})]
    assert [request.headers.get("Last-Event-ID") for request in stub.requests] == [None, "7"]
    assert stub.requests[0].query == {"kinds": "appointment.*"}
    assert states == [True, False, True]


async def test_events_that_are_refused_say_why(stub: ApiStub, client: Client) -> None:
    stub.on("GET", "/v1/events", problem(403, "forbidden", "no"))
    with pytest.raises(ApiProblem, match="no"):
        await anext(client.events())


async def test_a_run_says_only_what_was_asked(stub: ApiStub, client: Client) -> None:
    def answer(request: Request) -> Reply:
        return Reply({"items": [request.body], "next_cursor": None})

    stub.on("POST", "/v1/connectors/superservice/sync", answer)
    assert await client.connectors.sync("superservice", dry_run=True) == [{"dry_run": True}]
    assert await client.connectors.sync("superservice", site="rostock") == [{"site": "rostock"}]


async def test_initials_are_told_from_the_moment_they_are_known(stub: ApiStub) -> None:
    stub.on("GET", "/v1/session", {"user": "annahme", "shared": True})
    stub.on("POST", "/v1/appointments", Reply({"id": "a"}, 201))
    async with Client(stub.socket, door="desk") as api:
        assert (await api.session())["shared"]
        api.initials = "ÄB"
        await api.appointments.create({"site": "rostock"})
    first, second = stub.requests
    assert "Wtpd-Initials" not in first.headers
    assert (second.headers["Wtpd-Initials"], second.headers["Wtpd-Channel"]) == ("ÄB", "desk")


async def test_where_one_is_is_said_again_when_the_stream_comes_back(stub: ApiStub, client: Client) -> None:
    passing = b'event: presence.changed\ndata: {"what": "log", "people": []}\n\n'
    stub.on("GET", "/v1/events", Reply(raw=passing), Reply(raw=b"id: 7\nevent: run.finished\ndata: {}\n\n"))
    stub.on("PUT", "/v1/presence/one", {"others": [{"who": "ben"}]})
    assert await client.presence.put("one", "log", editing=True) == [{"who": "ben"}]
    stream = client.events(client="one")
    assert [await anext(stream), await anext(stream)] == [
        Event("", "presence.changed", {"what": "log", "people": []}), Event("7", "run.finished", {}),
    ]  # fmt: skip
    await stream.aclose()  # type: ignore[attr-defined]
    said = [request.body for request in stub.requests if request.method == "PUT"]
    assert said == [{"what": "log", "editing": True}] * 3
    assert all(request.query == {"client": "one"} for request in stub.requests if request.method == "GET")


async def test_a_daemon_that_takes_no_presence_has_its_events_read_all_the_same(stub: ApiStub, client: Client) -> None:
    stub.on("PUT", "/v1/presence/one", {"others": []}, problem(409, "too-many", "no"))
    stub.on("GET", "/v1/events", Reply(raw=b"id: 1\nevent: run.finished\ndata: {}\n\n"))
    await client.presence.put("one", "log")
    stream = client.events(client="one")
    assert (await anext(stream)).kind == "run.finished"
    await stream.aclose()  # type: ignore[attr-defined]


async def test_a_mapping_is_saved_for_the_settings_that_were_seen(stub: ApiStub, client: Client) -> None:
    stub.on("GET", "/v1/mapping", Reply({"items": [{"site": "rostock"}], "next_cursor": None}, 200, {"ETag": '"e1"'}))
    stub.on("PUT", "/v1/mapping/rostock/superservice", Reply(hang_up=True))
    rows, etag = await client.mapping.current()
    assert (rows, etag) == ([{"site": "rostock"}], '"e1"')
    with pytest.raises(Unreachable):
        await client.mapping.set(
            "rostock", "superservice", department="W", dealer_number="1", status_mail="a@b.example", etag=etag
        )
    [_, put] = stub.requests  # not repeated: the version may be gone by our own hand
    assert put.headers["If-Match"] == '"e1"'
    assert put.body == {"department": "W", "dealer_number": "1", "status_mail": "a@b.example"}


async def test_an_action_is_done_with_what_its_form_holds(stub: ApiStub, client: Client) -> None:
    forms = {"vin": "text", "choose": "digits", "refresh": "flag", "day": "date", "site": "choice"}
    action = {
        "connector": "dat", "name": "identify",
        "fields": [{"name": name, "form": form} for name, form in forms.items()],
    }  # fmt: skip
    stub.on("POST", "/v1/connectors/dat/actions/identify", {"candidates": []})
    values = {"vin": "", "choose": "2", "refresh": False, "day": "2026-11-23", "site": None, "on": "x"}
    assert await client.act(action, "a/b", values) == {"candidates": []}
    fields = {"choose": 2, "day": "2026-11-23", "on": "x"}
    assert stub.requests[0].body == {"on": "a/b", "fields": fields, "confirmed": True}


async def test_log_coverage_and_actions_are_asked_for(stub: ApiStub, client: Client) -> None:
    page = {"items": [{"id": 3}], "next_cursor": "3"}
    for path in ("/v1/log", "/v1/mapping/coverage", "/v1/actions"):
        stub.on("GET", path, page)
    assert await client.log.list(level="warning", before="17", limit=5) == page
    assert await client.mapping.coverage() == page["items"]
    assert await client.actions() == page["items"]
    assert stub.requests[0].query == {"level": "warning", "before": "17", "limit": "5"}


async def test_files_by_their_paths_are_uploaded_first(stub: ApiStub, client: Client, tmp_path: Path) -> None:
    (tmp_path / "k.csv").write_bytes(b"x" * 300_000)
    stub.on("PUT", "/v1/import/uploads/*", {"size": 300_000})
    stub.on("POST", "/v1/import", {"created": 1})
    assert await client.import_files({"k.csv": tmp_path / "k.csv"}, kind="customers") == {"created": 1}
    upload, post = stub.requests
    assert upload.body == b"x" * 300_000
    assert post.body == {
        "files": [{"name": "k.csv", "upload": upload.path.rpartition("/")[2], "kind": "customers"}],
    }  # fmt: skip


@pytest.mark.parametrize("hangs_up", [True, False])
@pytest.mark.parametrize("late", [0, 200_000])
async def test_an_answer_that_comes_while_the_body_is_sent_is_read(tmp_path: Path, hangs_up: bool, late: int) -> None:
    refusal = b'{"type": "x/too-large", "title": "t", "status": 413, "detail": "64 MB at most"}'
    over = asyncio.Event()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if late:
            await reader.readexactly(late)
        head = b"HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(refusal)
        writer.write(head + refusal)
        if not hangs_up:
            await over.wait()
        writer.close()

    path = str(tmp_path / "s")
    async with await asyncio.start_unix_server(refuse, path):
        for content in (b"x" * (20 << 20), tmp_path / "large.csv"):
            if isinstance(content, Path):
                content.write_bytes(b"x" * (20 << 20))
            async with Client(path) as client:
                with pytest.raises(ApiProblem, match="64 MB at most"):
                    await client.import_files({"k.csv": content})
        over.set()
