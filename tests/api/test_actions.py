"""What connectors can be asked to do: offered as forms, checked by the house, done by the handler of anybody."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.unix_http import Reply, UnixHttp
from wtpd.channel.errors import NeedsToken, Transient
from wtpd.connectors.actions import Action, ActionField, Asked, Candidate, Done, Fact, On, Remark
from wtpd.connectors.manifest import Manifest
from wtpd.connectors.registry import Registry, load
from wtpd.daemon.actions import AT_ONCE
from wtpd.errors import Invalid, Problem
from wtpd.secrets.providers import Field, Provider
from wtpd.texts import N_

LOGIN = {"customer_number": "1234567", "user_name": "u", "password": "p4ssword-of-dat"}


async def actions(http: UnixHttp) -> dict[str, Any]:
    items = (await http.get("/v1/actions", accept_language="en")).json["items"]
    return {f"{one['connector']}.{one['name']}": one for one in items}


async def test_dat_identifies_and_values_vehicles(http: UnixHttp) -> None:
    found = await actions(http)
    identify, value = found["dat.identify"], found["dat.value"]
    assert (identify["title"], identify["on"]) == ("DAT", "vehicle")
    assert "money" in identify["confirm"]
    assert "money" in value["confirm"]
    fields = {field["name"]: field for field in identify["fields"]}
    assert [choice["value"] for choice in fields["restriction"]["choices"]] == ["ALL", "REPAIR", "APPRAISAL"]
    assert [choice["value"] for choice in fields["site"]["choices"]] == ["rostock", "guestrow"]
    assert (fields["refresh"]["form"], fields["choose"]["form"], fields["site"]["form"]) == ("flag", "digits", "choice")


async def test_an_action_that_cannot_be_done_says_why(tmp_path: Path, daemon: RunningDaemon) -> None:
    off = (await actions(daemon.http))["dat.identify"]
    assert (off["available"], off["reason"]) == (False, "switched off in wtpd.yaml (connectors.dat.enabled)")
    (tmp_path / "other").mkdir()
    more = "connectors:\n  dat:\n    address: http://127.0.0.1:9\n"
    async with running_daemon(tmp_path / "other", config_text(sites={"rostock": None}, more=more)) as box:
        bare = (await actions(box.http))["dat.value"]
        assert (bare["available"], bare["reason"]) == (False, "no credentials of DAT yet: wtpd credential set dat")
        refused = await box.http.post("/v1/connectors/dat/actions/value", {"on": "x"}, accept_language="en")
        assert (refused.status, refused.kind) == (409, "no-credential")
        assert refused.json["detail"] == "DAT: Value: no credentials of DAT yet: wtpd credential set dat"
        stored = await box.http.put("/v1/credentials/dat/general", {"fields": LOGIN, "force": True})
        assert stored.status == 200, stored.json
        ready = (await actions(box.http))["dat.value"]
        assert (ready["available"], ready["reason"]) == (True, None)


# --- a connector of somebody else, whose handlers do whatever they like

Answer = Callable[[Asked], Any]


class Third:
    """A connector with the button `press` on the connector itself, and others; `answer` is what its handler does."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Answer = lambda asked: Done(remarks=(Remark(text=N_("pressed"), tone="good"),))
        self.seconds = 100.0

    async def handle(self, asked: Asked) -> Done:
        self.asked.append(asked)
        found = self.answer(asked)
        return await found if asyncio.iscoroutine(found) else found

    def manifest(self, **more: Any) -> Manifest:
        fields = (
            ActionField(name="text", label=N_("Text"), required=True, longest=20),
            ActionField(name="count", label=N_("Count"), form="digits", least=2, most=9),
            ActionField(name="day", label=N_("Day"), form="date"),
            ActionField(name="kind", label=N_("Kind"), form="choice", choices=(("a", N_("A")), ("b", N_("B")))),
            ActionField(name="hard", label=N_("Hard"), form="flag"),
            ActionField(name="site", label=N_("Site"), form="site"),
        )
        made = [
            Action(name=f"on-{on}", label=N_("Look"), on=on, handler=self.handle)
            for on in get_args(On)
            if on != "connector"
        ]
        press = Action(name="press", label=N_("Press"), on="connector", handler=self.handle, seconds=self.seconds)
        form = Action(name="form", label=N_("Fill in"), on="connector", handler=self.handle, fields=fields)
        costly = Action(
            name="costly", label=N_("Buy"), on="connector", handler=self.handle, confirm=N_("It costs 5 €.")
        )
        return Manifest(name="third", title="Third", actor="THIRD", actions=(press, form, costly, *made), **more)


@pytest.fixture
def third() -> Third:
    return Third()


@pytest.fixture
async def box(tmp_path: Path, third: Third) -> AsyncIterator[RunningDaemon]:
    async with running_third(tmp_path, third) as running:
        yield running


def running_third(folder: Path, third: Third, *, config: str = "", **more: Any) -> Any:
    manifest = third.manifest(**more)
    registry = Registry({**load().manifests, manifest.name: manifest})
    text = config_text(sites={"rostock": None, "guestrow": None}, more=config)
    return running_daemon(folder, text, registry=registry)


async def press(box: RunningDaemon, action: str = "press", **body: Any) -> Reply:
    return await box.http.post(f"/v1/connectors/third/actions/{action}", body, accept_language="en")


async def test_its_handler_is_the_door(box: RunningDaemon, third: Third) -> None:
    done = (await press(box)).json
    assert (done["connector"], done["title"], done["label"]) == ("third", "Third", "Press")
    assert done["remarks"] == [{"text": "pressed", "tone": "good"}]
    [asked] = third.asked
    assert (asked.on, asked.record, dict(asked.values)) == ("", None, {})
    assert asked.actor


async def test_values_come_as_their_forms_say(box: RunningDaemon, third: Third) -> None:
    given = {"text": " Müller ", "count": 9, "day": "2026-02-28", "kind": "b", "hard": True, "site": "guestrow"}
    assert (await press(box, "form", fields=given)).status == 200
    wanted = {**given, "text": "Müller", "day": date(2026, 2, 28)}
    assert dict(third.asked[0].values) == wanted
    assert third.asked[0].order.office == "guestrow"
    blank = {"text": "x", "count": None, "day": "", "kind": None, "hard": False, "site": ""}
    assert (await press(box, "form", fields=blank)).status == 200
    assert dict(third.asked[1].values) == {"text": "x"}


WRONG: list[tuple[str, Any, str]] = [
    ("text", None, "This is needed."),
    ("text", "   ", "This is needed."),
    ("text", "x" * 21, "This is too long: at most 20."),
    ("text", "a\nb", "This must be one line without control characters."),
    ("text", "a\u202eb", "This must be one line without control characters."),
    ("text", 5, "This must be text."),
    ("text", True, "This must be text."),
    ("count", "3", "This must be a whole number."),
    ("count", 3.5, "This must be a whole number."),
    ("count", True, "This must be a whole number."),
    ("count", 1, "This is too small: at least 2."),
    ("count", 10**18, "This is too large: at most 9."),
    ("day", "28.2.2026", "This is no date; it looks like 2026-11-21."),
    ("day", "2026-02-30", "This is no date; it looks like 2026-11-21."),
    ("day", "20260228", "This is no date; it looks like 2026-11-21."),
    ("day", "0001-01-01", "This date is out of range."),
    ("kind", "c", "This isn't possible here; possible is: a, b"),
    ("hard", "yes", "This must be true or false."),
    ("hard", 1, "This must be true or false."),
    ("site", "nowhere", "This isn't possible here; possible is: rostock, guestrow"),
    ("other", "x", "There is no such field; there are: count, day, hard, kind, site, text"),
]


@pytest.mark.parametrize(("field", "value", "words"), WRONG)
async def test_what_isnt_as_the_form_says_is_refused_with_place_and_cure(
    box: RunningDaemon, third: Third, field: str, value: Any, words: str
) -> None:
    reply = await press(box, "form", fields={"text": "x", field: value})
    assert (reply.status, reply.kind) == (422, "invalid")
    assert reply.json["errors"] == [{"field": field, "detail": words}]
    assert third.asked == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"fields": {"text": NaN}}', 400),
        (b'{"fields": {"text": 1e999}}', 422),
        (b'{"fields": {"text": ["x"]}}', 422),
        (b'{"fields": {"count": 1' + b"0" * 400 + b', "text": "x"}}', 422),
        (b'{"fields": [1]}', 422),
        (b'{"fields": ' + b"[" * 5000, 422),
        (b'{"unknown": 1}', 422),
        (b'{"on": "' + b"x" * 300 + b'"}', 422),
        (b'{"fields": {"text": "' + b"x" * 1_000_000 + b'"}}', 422),
        (b'{"fields": {"text": "' + b"x" * 1_100_000 + b'"}}', 413),
        (b'{"fields": {"' + b"x" * 100_000 + b'": 1}}', 422),
        (b'{"fields": {"text": "\\ud800"}}', 400),
    ],
)
async def test_nothing_odd_gets_through(box: RunningDaemon, third: Third, body: bytes, status: int) -> None:
    reply = await box.http.send("POST", "/v1/connectors/third/actions/form", body)
    assert reply.status == status, reply.json
    assert len(reply.content) < 2000
    assert third.asked == []


async def test_names_that_arent_there(box: RunningDaemon) -> None:
    nobody = await box.http.post("/v1/connectors/nobody/actions/press", {}, accept_language="en")
    assert (nobody.status, nobody.json["detail"]) == (
        404, "There is no connector nobody here; actions have: dat, rdw, third",
    )  # fmt: skip
    nothing = await press(box, "other")
    assert nothing.status == 404
    assert "Third has no action other; there are: press, form, costly, on-vehicle" in nothing.json["detail"]
    odd = await press(box, "%2e%2e%2f" + "x" * 500)
    assert odd.status == 404
    assert len(odd.json["detail"]) < 300


async def test_a_record_is_handed_over_as_it_is_now(box: RunningDaemon, third: Third) -> None:
    car = (await box.http.post("/v1/vehicles", {"plate": "HRO-AB 1"})).json
    person = (await box.http.post("/v1/customers", {"last_name": "Müller"})).json
    booking = {
        "site": "guestrow", "department": "Werkstatt", "drop_off": "2026-11-30T07:00:00Z",
        "collection": "2026-11-30T15:00:00Z", "customer_id": person["id"],
    }  # fmt: skip
    visit = (await box.http.post("/v1/appointments", booking)).json
    for on, record in (("vehicle", car), ("customer", person), ("appointment", visit)):
        assert (await press(box, f"on-{on}", on=record["id"])).status == 200
        found = third.asked[-1].record
        assert found is not None and found.id == record["id"]
        assert (await press(box, f"on-{on}", on="nobody")).status == 404
        missing = await press(box, f"on-{on}")
        assert (missing.status, missing.json["errors"][0]["field"]) == (422, "on")
    assert third.asked[-1].order.office == "guestrow", "the appointment's site decides whose login is used"
    assert (await press(box, "on-search", on=" HRO-XY 9 ")).status == 200
    assert (third.asked[-1].on, third.asked[-1].record) == ("HRO-XY 9", None)
    assert (await press(box, on=car["id"])).status == 422, "nothing that the connector itself is done to"
    assert (await box.http.post(f"/v1/customers/{person['id']}/erase", {})).status in (200, 409)


async def test_what_costs_is_done_only_when_somebody_agreed(box: RunningDaemon, third: Third) -> None:
    for body in ({}, {"confirmed": False}):
        asked = await press(box, "costly", **body)
        assert (asked.status, asked.kind, asked.json["detail"]) == (409, "not-confirmed", "It costs 5 €.")
    assert third.asked == []
    assert (await press(box, "costly", confirmed=True)).status == 200


@pytest.mark.parametrize(
    ("more", "config", "status", "kind", "words"),
    [
        ({"module": "third_module"}, "", 409, "not-licensed", "the module third_module isn't licensed on this box"),
        ({}, "connectors: {third: {enabled: false}}\n", 503, "disabled", "switched off in wtpd.yaml"),
        ({"is_off_by_default": True}, "", 503, "disabled", "switched off in wtpd.yaml (connectors.third.enabled)"),
        ({"countries": ("NL",)}, "", 409, "not-available", "no site is in NL"),
        (
            {"brand": "OPEL"},
            "",
            409,
            "not-available",
            "the brand OPEL isn't switched on at Autohaus Rostock",
        ),
    ],
)
async def test_a_connector_that_isnt_in_use_does_nothing(
    tmp_path: Path, third: Third, more: Any, config: str, status: int, kind: str, words: str
) -> None:
    async with running_third(tmp_path, third, config=config, **more) as box:
        reply = await press(box)
        assert (reply.status, reply.kind) == (status, kind)
        assert reply.json["detail"].startswith("Third: Press: ")
        assert words in reply.json["detail"]
        offered = (await actions(box.http)).get("third.press")
        assert offered is None or (offered["available"], words in offered["reason"]) == (False, True)
    assert third.asked == []


# --- whatever a handler does


@pytest.mark.parametrize(
    "fault",
    [
        KeyError("x"), ValueError("x"), TimeoutError("x"), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(),
        GeneratorExit(), BaseExceptionGroup("several", [SystemExit(1)]), RecursionError(),
    ],
    ids=lambda one: type(one).__name__,
)  # fmt: skip
async def test_a_handler_that_raises_is_our_fault_and_the_daemon_lives(
    box: RunningDaemon, third: Third, caplog: pytest.LogCaptureFixture, fault: BaseException
) -> None:
    def fail(asked: Asked) -> Done:
        raise fault

    third.answer = fail
    with caplog.at_level(logging.ERROR):
        reply = await press(box)
    assert (reply.status, reply.kind) == (500, "internal")
    assert "wtpd itself" in reply.json["detail"]
    assert any(one.exc_info for one in caplog.records), "with its traceback"
    third.answer = lambda asked: Done()
    assert (await press(box)).status == 200


@pytest.mark.parametrize("answer", [None, "done", {"text": "x"}, 5])
async def test_an_answer_that_is_none_is_our_fault(box: RunningDaemon, third: Third, answer: Any) -> None:
    third.answer = lambda asked: answer
    assert (await press(box)).status == 500


async def test_an_answer_is_made_harmless(box: RunningDaemon, third: Third) -> None:
    facts = (
        Fact(name="a", label=N_("A\x1b[31m"), value="x\x00y\u202e" + "z" * 5000),
        Fact(name="b", label=N_("B"), value=float("nan")),
        Fact(name="c", label=N_("C"), value=date(2026, 11, 21)),
    )
    third.answer = lambda asked: Done(facts=facts * 100, candidates=(Candidate(number=1, label="one\x1b[0m"),))
    done = (await press(box)).json
    assert len(done["facts"]) == 200
    text = str(done)
    assert not {"\x1b", "\x00", "\u202e"} & set(text)
    assert len(done["facts"][0]["value"]) < 2100
    assert [one["value"] for one in done["facts"][1:3]] == [None, "2026-11-21"]
    third.answer = lambda asked: Done(data={"loop": object()})
    assert (await press(box)).status == 500


async def test_its_errors_name_the_partner(box: RunningDaemon, third: Third) -> None:
    for error, status, words in (
        (Transient("GET /: 500", status=500), 502, "Third can't be reached: its answer was HTTP 500"),
        (NeedsToken("GET /: 401"), 502, "Third doesn't accept the credentials. To see all entries: wtpd credential"),
        (Invalid(N_("No."), problems=[Problem("text", N_("Odd."))]), 422, "No."),
    ):

        def fail(asked: Asked, error: Exception = error) -> Done:
            raise error

        third.answer = fail
        reply = await press(box, "form", fields={"text": "x"})
        assert (reply.status, reply.json["detail"]) == (status, words)
    assert reply.json["errors"] == [{"field": "text", "detail": "Odd."}]


async def test_one_that_never_ends_is_stopped(tmp_path: Path, third: Third) -> None:
    ended = asyncio.Event()

    async def sleep(asked: Asked) -> Done:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return Done()

    third.answer, third.seconds = sleep, 0.05
    async with running_third(tmp_path, third) as box:
        reply = await press(box)
        assert (reply.status, reply.kind) == (503, "timeout")
        assert "Third: “Press” didn't end within 1 s. Perhaps it was done all the same" in reply.json["detail"]
        async with asyncio.timeout(30):
            await ended.wait()
        third.answer = lambda asked: Done()
        assert (await press(box)).status == 200


async def test_one_that_doesnt_want_to_end_is_left_behind_and_counted(tmp_path: Path, third: Third) -> None:
    let_go = asyncio.Event()

    async def cling(asked: Asked) -> Done:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        return Done()

    third.answer, third.seconds = cling, 0.05
    async with running_third(tmp_path, third) as box:
        for _ in range(AT_ONCE):
            assert (await press(box)).kind == "timeout"
        busy = await press(box)
        assert (busy.status, busy.kind) == (503, "busy")
        assert (await box.http.get("/v1/status")).status == 200
        let_go.set()
        third.answer = lambda asked: Done()

        async def free() -> bool:
            return (await press(box)).status == 200

        await box.until(free)


async def test_two_who_ask_the_same_at_once_share_one_call(box: RunningDaemon, third: Third) -> None:
    let_go = asyncio.Event()

    async def wait(asked: Asked) -> Done:
        await let_go.wait()
        return Done(remarks=(Remark(text=N_("Done.")),))

    third.answer = wait
    calls = [asyncio.create_task(press(box, "form", fields={"text": text})) for text in ("x", "x", "y")]

    async def both() -> bool:
        return len(third.asked) == 2

    await box.until(both)
    calls[0].cancel()
    let_go.set()
    replies = await asyncio.gather(*calls[1:])
    assert [reply.status for reply in replies] == [200, 200]
    assert sorted(asked.values["text"] for asked in third.asked) == ["x", "y"]
    assert (await press(box, "form", fields={"text": "x"})).status == 200
    assert len(third.asked) == 3, "what has ended is done again"


async def test_a_stop_ends_what_is_under_way(tmp_path: Path, third: Third) -> None:
    async def sleep(asked: Asked) -> Done:
        await asyncio.Event().wait()
        return Done()

    third.answer = sleep
    async with running_third(tmp_path, third) as box:
        call = asyncio.create_task(press(box))

        async def begun() -> bool:
            return bool(third.asked)

        await box.until(begun)
        assert await box.stop() == 0
        [reply] = await asyncio.gather(call, return_exceptions=True)
        assert isinstance(reply, BaseException) or reply.status == 503


# --- whose login

PROVIDER = Provider(
    name="third", title="Third", fields=(Field(name="token", label=N_("Token"), secret=True, form="code"),),
    scopes=("general", "office"),
)  # fmt: skip


async def test_it_gets_the_login_of_its_order_and_a_refused_one_is_a_problem(tmp_path: Path, third: Third) -> None:
    config = "credentials: {third: {scope: office}}\n"
    tokens: list[str] = []

    async def login(asked: Asked) -> Done:
        tokens.append((await asked.access.secrets())["token"])
        if asked.values["text"] == "refused":
            raise NeedsToken("GET /: 401")
        return Done()

    third.answer = login
    async with running_third(tmp_path, third, config=config, provider=PROVIDER) as box:
        body = {"fields": {"token": "of-rostock"}, "force": True}
        stored = await box.http.put("/v1/credentials/third/office:rostock", body)
        assert stored.status == 200, stored.json
        assert (await press(box, "form", fields={"text": "x", "site": "rostock"})).status == 200
        other = await press(box, "form", fields={"text": "x", "site": "guestrow"})
        assert (other.status, other.kind) == (502, "needs-token")
        assert tokens == ["of-rostock"]
        assert "of-rostock" not in str(await box.problems())
        refused = await press(box, "form", fields={"text": "refused", "site": "rostock"})
        assert refused.json["detail"] == (
            "Third doesn't accept the credentials. Enter others (office:rostock): wtpd credential set third --scope "
            "office:rostock"
        )
        assert any("Third" in one["text"] for one in await box.problems())
        offered = (await actions(box.http))["third.form"]
        assert (offered["available"], offered["reason"]) == (
            False,
            "Third refuses the credentials (office:rostock); enter new ones: wtpd credential set third --scope "
            "office:rostock",
        )
        blocked = await press(box, "form", fields={"text": "x", "site": "rostock"})
        assert (blocked.status, blocked.kind) == (409, "needs-token")
