"""Taking changes back through the API: the preview, the act, the reasons why not; and the history in words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.unix_http import Reply, UnixHttp

PATH = "/v1/appointments"


def booking(**changed: Any) -> dict[str, Any]:
    """A Monday, 8 to 16 o'clock in Rostock."""
    return {
        "site": "rostock", "department": "Werkstatt", "drop_off": "2026-11-23T08:00:00+01:00",
        "collection": "2026-11-23T16:00:00+01:00", **changed,
    }  # fmt: skip


class Desk:
    def __init__(self, http: UnixHttp, number: str) -> None:
        self.http = http
        self.target = f"{PATH}/{number}"

    async def change(self, **changes: Any) -> int:
        """The id of the entry that it made."""
        changed = await self.http.patch(self.target, changes, version="*")
        assert changed.status == 200, changed.json
        return await self.last()

    async def cancel(self) -> int:
        assert (await self.http.post(f"{self.target}/cancel", {}, if_match="*")).status == 200
        return await self.last()

    async def last(self) -> int:
        return int((await self.history())[-1]["id"])

    async def history(self, language: str = "en") -> Any:
        return (await self.http.get(f"{self.target}/history", accept_language=language)).json["items"]

    async def undo(self, entry: int, query: str = "", **headers: str) -> Reply:
        headers = {"if_match": "*", "accept_language": "en", **headers}
        return await self.http.post(f"{self.target}/undo{query}", {"entry": entry}, **headers)


@pytest.fixture
async def desk(http: UnixHttp) -> Desk:
    return Desk(http, (await http.post(PATH, booking(notes="alt"))).json["id"])


async def test_a_preview_says_what_it_does_and_does_nothing(desk: Desk) -> None:
    entry = await desk.change(notes="neu")
    preview = await desk.undo(entry, "?preview=true", accept_language="de")
    assert preview.json["possible"]
    assert preview.json["changes"] == {"notes": {"old": "neu", "new": "alt"}}
    assert preview.json["labels"].keys() == {"notes"}
    assert (preview.json["cancels"], preview.json["sends"], preview.json["reason"]) == (False, [], None)
    assert len(await desk.history()) == 2


async def test_the_answer_is_the_appointment(desk: Desk) -> None:
    entry = await desk.change(notes="neu")
    done = await desk.undo(entry, if_match='"2"', wtpd_initials="MK", wtpd_channel="desk")
    assert (done.status, done.etag, done.json["notes"]) == (200, '"3"', "alt")
    last = (await desk.history())[-1]
    assert (last["undoes"], last["channel"]) == (entry, "desk")
    assert last["actor"].endswith("(MK)")


async def test_without_the_right_version_it_is_refused(desk: Desk) -> None:
    entry = await desk.change(notes="neu")
    for query in ("", "?preview=true"):
        late = await desk.undo(entry, query, if_match='"1"')
        assert (late.status, late.kind) == (412, "version-mismatch")
    unsaid = await desk.http.post(f"{desk.target}/undo", {"entry": entry})
    assert (unsaid.status, unsaid.kind) == (428, "version-needed")


async def test_a_repeated_request_counts_once(desk: Desk) -> None:
    entry = await desk.change(notes="neu")
    for _ in range(2):
        done = await desk.undo(entry, if_match='"2"', idempotency_key="u-1")
        assert (done.status, done.etag) == (200, '"3"')
    assert len(await desk.history()) == 3


async def test_what_was_built_upon_it_is_said_with_figures(desk: Desk) -> None:
    entry = await desk.change(notes="neu")
    later = await desk.change(notes="noch neuer")
    refused = await desk.undo(entry)
    assert (refused.status, refused.kind) == (409, "built-upon")
    assert (refused.json["entry"], refused.json["fields"]) == (later, ["notes"])
    assert refused.json["by"] in refused.json["detail"]
    preview = (await desk.undo(entry, "?preview=true")).json
    assert (preview["possible"], preview["kind"], preview["reason"]) == (False, "built-upon", refused.json["detail"])
    assert preview["facts"]["entry"] == later


async def test_a_full_day_can_be_allowed(desk: Desk, http: UnixHttp) -> None:
    await desk.change(interventions=[{"title": "Motor", "labour_units": 40}])
    entry = await desk.cancel()
    await http.post(PATH, booking(interventions=[{"title": "Motor", "labour_units": 40}]))
    preview = (await desk.undo(entry, "?preview=true")).json
    assert (preview["possible"], preview["kind"], preview["facts"]["limit"]) == (False, "over-limit", 48)
    assert (await desk.undo(entry)).kind == "over-limit"
    preview = (await desk.undo(entry, "?preview=true&allow_over_limit=true")).json
    assert preview["consequences"] == ["The appointment stands again.", "Its day is full beyond the load limit."]
    done = await desk.undo(entry, "?allow_over_limit=true")
    assert (done.json["status"], done.json["over_limit"]) == ("scheduled", True)


async def test_a_booking_taken_back_says_that_it_is_cancelled(desk: Desk) -> None:
    made = await desk.last()
    preview = (await desk.undo(made, "?preview=true")).json
    assert (preview["possible"], preview["cancels"]) == (True, True)
    assert preview["consequences"] == ["The appointment is cancelled."]
    assert (await desk.undo(made)).json["status"] == "cancelled"


@pytest.mark.parametrize(("entry", "status"), [(4711, 404), (0, 422), (1 << 62, 422)])
async def test_an_entry_that_cannot_be_one(desk: Desk, entry: int, status: int) -> None:
    for query in ("", "?preview=true"):
        assert (await desk.undo(entry, query)).status == status
    assert (await desk.http.post(f"{PATH}/nobody/undo", {"entry": 1}, if_match="*")).status == 404


async def test_the_history_is_also_told_in_words(desk: Desk) -> None:
    await desk.change(status="arrived", drop_off="2026-11-23T09:30:00+01:00", customer_waiting=True)
    last = (await desk.history("de"))[-1]
    assert last["undoes"] is None
    assert last["changes"]["drop_off"]["new"] == "2026-11-23T08:30:00Z"
    shown = last["shown"]
    assert (shown["drop_off"]["old"], shown["drop_off"]["new"]) == ("23.11.2026 08:00", "23.11.2026 09:30")
    assert (shown["customer_waiting"]["old"], shown["customer_waiting"]["new"]) == ("nein", "ja")
    assert shown["status"]["label"] == "Status"
    assert shown["status"]["new"] != "arrived"
    english = (await desk.history())[-1]["shown"]
    assert english["status"]["new"] == "arrived"
