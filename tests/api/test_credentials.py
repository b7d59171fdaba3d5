"""Credentials over the API without a partner: whom they are for, what an order uses, who did what, when they end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import OFFLINE, RunningDaemon, config_text, running_daemon
from tests.support.hand_clock import HandClock
from tests.support.partners import KNOWN
from tests.support.unix_http import UnixHttp

LOGIN = {"customer_number": "1234567", "user_name": "müller", "password": "hunter2"}
MAIL = {"user_name": "anna", "password": "hunter2"}
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


async def put(http: UnixHttp, target: str, fields: dict[str, Any], **more: Any) -> Any:
    return await http.put(f"/v1/credentials/{target}", {"fields": fields, **more}, accept_language="en")


async def setting(http: UnixHttp, path: str, value: Any) -> None:
    change = [{"path": path, "value": value}]
    reply = await http.send("PATCH", "/v1/config", change, headers={"if-match": "*"})
    assert reply.status == 200, reply.json


async def explain(http: UnixHttp, name: str, **order: str) -> Any:
    query = "&".join(f"{key}={value}" for key, value in order.items())
    return (await http.get(f"/v1/credentials/{name}/explain?{query}", accept_language="en")).json


async def audit(http: UnixHttp) -> list[str]:
    """`reveal cartv/general: refused`"""
    items = (await http.get("/v1/credentials/audit")).json["items"]
    return [f"{one['action']} {one['provider']}/{one['scope']}: {one['result']}" for one in reversed(items)]


async def test_every_provider_is_told_with_what_a_form_needs(http: UnixHttp) -> None:
    items = (await http.get("/v1/credentials", accept_language="en")).json["items"]
    assert [one["provider"] for one in items] == list(KNOWN)
    by_name = {one["provider"]: one for one in items}
    assert by_name["email"]["scopes"] == ["general", "office", "assessor", "user"]
    assert by_name["superservice"]["scopes"] == ["general", "office"]
    assert (by_name["superservice"]["testable"], by_name["cartv"]["testable"]) == (True, False)
    [number, _, password, partner, signature] = by_name["dat"]["fields"]
    assert (number["form"], number["secret"], password["secret"]) == ("digits", False, True)
    assert (partner["secret"], partner["required"], signature["secret"], signature["required"]) == (
        False, False, True, False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("target", "fields", "field", "sentence"),
    [
        ("cartv/general", {"user_name": "u"}, "customer_number", "Customer number is missing"),
        ("dat/general", {**LOGIN, "customer_number": "12 34a"}, "customer_number", "consists of digits only"),
        ("cartv/general", {**LOGIN, "password": " \u00a0\r\n"}, "password", "Password is empty"),
        ("cartv/general", {**LOGIN, "password": "x" * 5000}, "password", "longer than 4096"),
        ("cartv/general", {**LOGIN, "hunter2-S3cret": "x"}, "…", "CARTV has no field …"),
        ("cartv/general", {**LOGIN, "customer_number": 17}, "fields.*", "must be a text, not a whole number"),
        ("email/general", {**MAIL, "port": "0"}, "port", "a number from 1 to 65535"),
        ("cartv/office", LOGIN, "scope", "possible: general, office:ID, assessor:ID"),
        ("cartv/user:anna", LOGIN, "scope", "has no entries for the scope user:anna"),
        ("cartv/office:nowhere", LOGIN, "scope", "There is no site nowhere; there are: rostock, guestrow."),
        ("cartv/assessor:meier", LOGIN, "scope", "There is no assessor meier."),
        ("email/user:anna", MAIL, "scope", "There is no user anna."),
    ],
)
async def test_bad_input_gets_its_sentence(
    http: UnixHttp, target: str, fields: dict[str, Any], field: str, sentence: str
) -> None:
    reply = await put(http, target, fields)
    assert reply.status == 422, reply.json
    problem = reply.json["errors"][0]
    assert problem["field"] == field
    assert sentence in problem["detail"]
    assert "hunter2" not in reply.content.decode()


async def test_an_unknown_provider(http: UnixHttp) -> None:
    reply = await put(http, "catv/general", LOGIN)
    assert (reply.status, "known: superservice" in reply.json["detail"]) == (404, True)
    assert (await http.get("/v1/credentials/catv/explain")).status == 404


async def test_credentials_that_have_ended_arent_taken(http: UnixHttp) -> None:
    reply = await put(http, "cartv/general", LOGIN, expires_at="2020-01-01T00:00:00Z")
    assert (reply.status, reply.json["errors"][0]["field"]) == (422, "expires_at")


async def test_assessors_and_users_are_records_of_their_own(http: UnixHttp) -> None:
    for path, target, fields in (
        ("assessors", "dat/assessor:meier", LOGIN),
        ("users", "email/user:meier", MAIL),
    ):
        assert (await put(http, target, fields)).status == 422
        made = await http.post(f"/v1/{path}", {"id": "meier", "name": "Petra Meier"})
        assert (made.status, made.headers["location"], made.etag) == (201, f"/v1/{path}/meier", '"1"')
        assert (await http.post(f"/v1/{path}", {"id": "meier", "name": "Otto Meier"})).kind == "exists"
        assert (await put(http, target, fields)).status == 200
        stale = await http.patch(f"/v1/{path}/meier", {"name": "P. Meier"}, version=7)
        assert (stale.status, stale.json["version"]) == (412, 1)
        changed = await http.patch(f"/v1/{path}/meier", {"active": False}, version=1)
        assert changed.json == {"id": "meier", "name": "Petra Meier", "active": False, "version": 2}
        assert "isn't active any more" in (await put(http, target, fields)).json["detail"]
        assert (await http.get(f"/v1/{path}")).json["items"] == [changed.json]
    assert (await http.get("/v1/assessors/otto", accept_language="en")).json["detail"] == "There is no assessor otto."


async def test_explain_says_which_entry_and_why(http: UnixHttp) -> None:
    found = await explain(http, "dat", office="rostock")
    assert (found["entry"], found["reason"]) == (None, "DAT has no general entry")
    await put(http, "dat/general", LOGIN)
    await put(http, "dat/office:rostock", LOGIN)
    assert (await explain(http, "dat", office="rostock"))["entry"] == "general"
    await setting(http, "credentials.dat.scope", "office")
    found = await explain(http, "dat", office="rostock")
    assert (found["entry"], found["reason"]) == (
        "office:rostock",
        "DAT uses the entry of the order's office rostock",
    )
    found = await explain(http, "dat", office="guestrow")
    assert (found["entry"], found["reason"]) == (None, "the office guestrow has no entry for DAT")
    assert (await explain(http, "dat"))["reason"] == (
        "no office is chosen in the order, and DAT has its entries by office"
    )
    assert (await explain(http, "dat", office="x"))["notes"] == ["There is no site x; there are: rostock, guestrow."]
    await setting(http, "credentials.dat.fallback", "general")
    found = await explain(http, "dat", office="guestrow")
    assert (found["entry"], found["fallback"]) == ("general", "general")
    assert found["reason"] == "the office guestrow has no entry for DAT; the general entry is used (fallback)"


async def test_an_entry_of_somebody_who_left_serves_no_order(http: UnixHttp) -> None:
    await http.post("/v1/assessors", {"id": "meier", "name": "Petra Meier"})
    await put(http, "cartv/assessor:meier", LOGIN)
    await setting(http, "credentials.cartv.scope", "assessor")
    assert (await explain(http, "cartv", assessor="meier"))["entry"] == "assessor:meier"
    await http.patch("/v1/assessors/meier", {"active": False}, version=1)
    found = await explain(http, "cartv", assessor="meier")
    assert (found["entry"], found["reason"]) == (None, "the assessor meier isn't active any more")
    assert found["notes"] == ["Petra Meier (meier) isn't active any more."]


async def test_handing_out_is_switched_on_by_provider_and_audited(http: UnixHttp) -> None:
    await put(http, "cartv/general", LOGIN)
    for target in ("cartv/general/reveal", "cartv/reveal"):
        refused = await http.post(f"/v1/credentials/{target}")
        assert (refused.status, refused.kind) == (409, "not-revealed")
    await setting(http, "credentials.cartv.reveal", True)
    assert (await http.post("/v1/credentials/cartv/general/reveal")).json["fields"] == LOGIN
    await setting(http, "credentials.cartv.scope", "office")
    refused = await http.post("/v1/credentials/cartv/reveal", {"office": "rostock"}, accept_language="en")
    assert (refused.kind, refused.json["detail"]) == ("no-credential", "the office rostock has no entry for CARTV")
    await put(http, "cartv/office:rostock", LOGIN)
    handed = (await http.post("/v1/credentials/cartv/reveal", {"office": "rostock"})).json
    assert handed == {"scope": "office:rostock", "fields": LOGIN, "expires_at": None, "notes": []}
    done = await audit(http)
    assert done[:3] == ["set cartv/general: ", "reveal cartv/general: refused", "reveal cartv/: refused"]
    assert done[3:5] == ["reveal cartv/general: ", "first use cartv/general: revealed"]
    office = "cartv/office:rostock"
    assert done[5:] == [f"set {office}: ", f"reveal {office}: ", f"first use {office}: revealed"]


async def test_the_signature_of_dat_is_handed_out_with_its_parts(http: UnixHttp) -> None:
    await put(http, "dat/general", LOGIN)
    await setting(http, "credentials.dat.reveal", True)
    fields = (await http.post("/v1/credentials/dat/reveal")).json["fields"]
    assert fields["signature"] == "9F56058A8DB50F8ED001E3DDB43087B8F9021F5C14844C55B23EB5806C57E503"


async def test_the_audit_comes_page_by_page(http: UnixHttp) -> None:
    for _ in range(4):
        await put(http, "cartv/general", LOGIN)
    first = (await http.get("/v1/credentials/audit?limit=2")).json
    rest = (await http.get(f"/v1/credentials/audit?limit=2&cursor={first['next_cursor']}")).json
    assert [one["id"] for one in first["items"] + rest["items"]] == [4, 3, 2, 1]
    assert rest["next_cursor"] is None


async def test_what_cant_be_tried_is_stored_and_says_so(http: UnixHttp) -> None:
    stored = (await put(http, "cartv/general", LOGIN)).json
    assert (stored["tested"], stored["detail"]) == (False, "CARTV offers no way to try its credentials.")
    assert stored["entry"]["set_by"]
    stored = (await put(http, "superservice/general", {"client_id": "a", "client_secret": "b"})).json
    assert (stored["tested"], stored["entry"]["last_result"]) == (False, None)
    assert "No site with a dealer number" in stored["detail"]
    refused = await http.post("/v1/credentials/cartv/general/test", {})
    assert refused.kind == "not-testable"


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOON)


async def test_hints_before_credentials_end(tmp_path: Path, clock: HandClock) -> None:
    text = config_text(sites={"rostock": None}, more=OFFLINE)

    async def hints(daemon: RunningDaemon) -> list[tuple[str, str]]:
        return [(one["kind"], one["text"]) for one in await daemon.problems()]

    async with running_daemon(tmp_path, text, clock=clock) as daemon:
        at = NOON + timedelta(days=20)
        await put(daemon.http, "cartv/general", LOGIN, expires_at=at.isoformat())
        assert await hints(daemon) == []
        for days, kind in ((13, "credential.expiry"), (6, "credential.expiry"), (0.5, "credential.expiry")):
            clock.advance(at - clock.now() - timedelta(days=days))
            assert await hints(daemon) == [(kind, "The credentials of cartv (general) expire on 11/12/2026.")]
        clock.advance(timedelta(days=1))
        assert await hints(daemon) == [
            ("credential.expired", "The credentials of cartv (general) expired on 11/12/2026.")
        ]
        found = await explain(daemon.http, "cartv")
        assert found["notes"] == ["This entry expired on 11/12/2026."]
        german = await daemon.http.get("/v1/credentials/cartv/explain", accept_language="de")
        assert "11.12.2026" in german.json["notes"][0]
        await put(daemon.http, "cartv/general", LOGIN)
        assert await hints(daemon) == []


async def test_a_key_that_is_brought_back_is_noticed(tmp_path: Path, clock: HandClock) -> None:
    async with running_daemon(tmp_path, config_text(more=OFFLINE), clock=clock) as daemon:
        await put(daemon.http, "cartv/general", LOGIN)
    (tmp_path / "wtpd.key").rename(tmp_path / "elsewhere")
    async with running_daemon(tmp_path, "", clock=clock) as daemon:
        [problem] = await daemon.problems()
        assert (problem["kind"], "start-over" in problem["text"]) == ("key", True)
        assert not (tmp_path / "wtpd.key").exists(), "no new one in silence"
        (tmp_path / "elsewhere").rename(tmp_path / "wtpd.key")
        clock.advance(61)

        async def well() -> bool:
            return not await daemon.problems()

        await daemon.until(well)
