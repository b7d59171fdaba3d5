"""What a connector gets from `PartnerHttp`, whatever the partner does, over real connections."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tests.support import chaos
from tests.support.chaos import ChaosServer, answer
from wtpd.channel.errors import (
    Duplicate,
    NeedsToken,
    NotAllowed,
    PartnerBroken,
    PartnerError,
    Precondition,
    RateLimited,
    Rejected,
    Transient,
)
from wtpd.channel.tally import counting
from wtpd.connectors.kit.http import PartnerHttp
from wtpd.errors import Invalid

Client = Callable[..., PartnerHttp]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """Makes clients that are closed at the end."""
    made: list[PartnerHttp] = []

    def make(server: ChaosServer, path: str = "/partner", **options: Any) -> PartnerHttp:
        made.append(PartnerHttp(server.url + path, **options))
        return made[-1]

    yield make
    for http in made:
        await http.aclose()


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 11, 21, 8, 0, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("the HTTP client never waits by itself")


async def test_a_request_carries_what_the_connector_gave(client: Client) -> None:
    async with ChaosServer(answer(201, {"id": "A1"}, headers={"ETag": '"v1"'})) as server:
        http = client(server)
        got = await http.request(
            "POST",
            "/v1/dealers/07",
            json={"note": "Öl"},
            params={"limit": 5, "q": "a b"},
            headers={"If-Match": '"v3"'},
            idempotency_key="k-1",
            auth="tok",
        )
    (seen,) = server.requests
    assert (got.status, got.json, got.headers["etag"]) == (201, {"id": "A1"}, '"v1"')
    assert (seen.method, seen.target) == ("POST", "/partner/v1/dealers/07?limit=5&q=a+b")
    assert seen.body == '{"note":"Öl"}'.encode()
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["idempotency-key"] == "k-1"
    assert seen.headers["if-match"] == '"v3"'
    assert seen.headers["authorization"] == "Bearer tok"


async def test_what_was_sent_comes_back_for_the_trace_and_nothing_of_its_headers(client: Client) -> None:
    async with ChaosServer(answer(201, {"id": "A1"}), answer(422, {}), answer(200, {})) as server:
        http = client(server)
        got = await http.request("POST", "/v1/a", json={"note": "Öl"}, auth="s3cret-token", idempotency_key="k")
        assert msgspec.json.decode(got.sent) == {"note": "Öl"}
        with pytest.raises(Rejected) as caught:
            await http.request("POST", "/v1/a", json={"note": "Öl"}, auth="s3cret-token")
        assert msgspec.json.decode(caught.value.sent) == {"note": "Öl"}
        form = await http.request("POST", "/oauth/token", form={"secret": "s3cret"}, auth=("user", "s3cret"))
        assert form.sent is None, "credentials go in forms and headers, which are kept nowhere"


async def test_a_form_goes_with_basic_authentication(client: Client) -> None:
    async with ChaosServer(answer(200, {"access_token": "t"})) as server:
        await client(server).request("POST", "/oauth/token", form={"grant_type": "x y"}, auth=("me", "se:c r+%t"))
    (seen,) = server.requests
    assert seen.body == b"grant_type=x+y"
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    assert base64.b64decode(seen.headers["authorization"].removeprefix("Basic ")) == b"me:se%3Ac+r%2B%25t"


async def test_without_a_form_basic_authentication_is_utf_8_as_it_stands(client: Client) -> None:
    async with ChaosServer(answer(200, {})) as server:
        await client(server).request("GET", "/x", auth=("ü", "a+b%20:c"))
    assert base64.b64decode(server.requests[0].headers["authorization"].removeprefix("Basic ")).decode() == "ü:a+b%20:c"


async def test_another_json_type_is_kept(client: Client) -> None:
    async with ChaosServer(answer(200, {})) as server:
        await client(server).request("PATCH", "/x", json={}, headers={"Content-Type": "application/merge-patch+json"})
    assert server.requests[0].headers["content-type"] == "application/merge-patch+json"


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_a_body_has_no_json(client: Client, status: int) -> None:
    async with ChaosServer(answer(status, headers={"Content-Length": "0"})) as server:
        got = await client(server).request("GET", "/x")
    assert (got.status, got.json) == (status, None)


async def test_a_gzip_answer_is_unpacked(client: Client) -> None:
    async with ChaosServer(chaos.zipped(b'{"n": 1}')) as server:
        assert (await client(server).request("GET", "/x")).json == {"n": 1}
    assert server.requests[0].headers["accept-encoding"] == "gzip"


async def test_problem_json_in_an_utf8_charset_is_json(client: Client) -> None:
    behaviour = answer(200, {"a": "ü"}, headers={"Content-Type": 'application/problem+json; charset="UTF-8"'})
    async with ChaosServer(behaviour) as server:
        assert (await client(server).request("GET", "/x")).json == {"a": "ü"}


async def test_half_an_emoji_doesnt_make_a_whole_answer_unreadable(client: Client) -> None:
    behaviour = answer(200, headers={"Content-Type": "application/json"}, body=b'{"notes": "bis 8 \\ud83d", "n": 1}')
    async with ChaosServer(behaviour) as server:
        assert (await client(server).request("GET", "/x")).json == {"notes": "bis 8 ?", "n": 1}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, NeedsToken),
        (403, NotAllowed),
        (404, Rejected),
        (408, Transient),
        (409, Duplicate),
        (412, Precondition),
        (422, Rejected),
        (425, Transient),
        (429, RateLimited),
        (500, Transient),
        (503, Transient),
        (599, Transient),
        (302, PartnerBroken),
        (307, PartnerBroken),
    ],
)
async def test_each_status_has_its_reaction(client: Client, status: int, kind: type[PartnerError]) -> None:
    async with ChaosServer(answer(status, {"title": "no"}, headers={"Location": "http://127.0.0.1:1/"})) as server:
        with pytest.raises(PartnerError) as caught:
            await client(server).request("GET", "/x")
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert len(server.requests) == 1


async def test_a_rejection_gives_the_partners_sentence_short_and_on_one_line(client: Client) -> None:
    problem = {"type": "about:blank", "title": "Invalid", "detail": "No such\n\x1b[31m  department " + "x" * 500}
    async with ChaosServer(answer(422, problem, headers={"Content-Type": "application/problem+json"})) as server:
        with pytest.raises(Rejected) as caught:
            await client(server).request("POST", "/x", json={})
    assert caught.value.detail.startswith("No such [31m department xxx")
    assert len(caught.value.detail) == 200
    assert caught.value.problem == problem
    assert "department" not in str(caught.value)


async def test_a_rejection_whose_body_is_trouble_is_still_a_rejection(client: Client) -> None:
    for behaviour in (
        answer(422, body=b"<html>", headers={"Content-Type": "text/html"}),
        answer(422, body=b"{" * 100_000),
        answer(422, body=b'{"a"', headers={"Content-Length": "400", "Connection": "close"}),
    ):

        async def close(writer: asyncio.StreamWriter, behaviour: chaos.Behaviour = behaviour) -> bool:
            await behaviour(writer)
            return False

        async with ChaosServer(close) as server:
            with pytest.raises(Rejected) as caught:
                await client(server).request("GET", "/x")
        assert caught.value.detail == ""


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("99999", 3600),
        ("9" * 5000, 3600),
        ("Sat, 21 Nov 2026 08:01:30 GMT", 90),
        ("Sat, 21 Nov 2026 07:00:00 GMT", 0),
        ("Sun, 22 Nov 2026 08:00:00 GMT", 3600),
        ("-5", 0),
        ("soon", 0),
        ("", 0),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_honoured(client: Client, header: str, seconds: float, status: int) -> None:
    async with ChaosServer(answer(status, {}, headers={"Retry-After": header} if header else {})) as server:
        with pytest.raises(Transient) as caught:
            await client(server, clock=FixedClock()).request("GET", "/x")
    if status == 429 or header:
        assert isinstance(caught.value, RateLimited)
        assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    ("date", "seconds"),
    [("Sat, 21 Nov 2026 14:01:25 GMT", 5), ("Sat, 21 Nov 2026 02:01:00 GMT", 30), ("yesterday", 3600), (None, 3600)],
)
async def test_a_date_to_come_again_is_judged_by_the_partners_own_clock(
    client: Client, date: str | None, seconds: float
) -> None:
    moment = "Sat, 21 Nov 2026 02:01:30 GMT" if seconds == 30 else "Sat, 21 Nov 2026 14:01:30 GMT"
    headers = {"Retry-After": moment} | ({"Date": date} if date else {})
    async with ChaosServer(answer(503, {}, headers=headers)) as server:
        with pytest.raises(RateLimited) as caught:
            await client(server, clock=FixedClock()).request("GET", "/x")
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    "behaviour",
    [
        chaos.cut_short,
        chaos.cut_in_chunks,
        chaos.reset_in_body,
        chaos.garbage,
        chaos.zipped(b'{"n": 1}' * 100, keep=30),
        chaos.zipped(b'{"n": 1}', keep=-4),  # all of the JSON is there, but not the checksum's end
        chaos.zipped(b"{}", coding="br"),
        answer(200, body=b"{}", headers={"Content-Encoding": "gzip"}),
        answer(200, body=b"<html>", headers={"Content-Type": "text/html"}),
        answer(200, body=b"{}", headers={"Content-Type": ""}),
        answer(200, body='{"a": "ü"}'.encode("latin-1")),
        answer(200, body='{"ü": 1}'.encode("latin-1")),
        answer(200, {}, headers={"Content-Type": "application/json; charset=iso-8859-1"}),
        answer(200, body='{"a": 1}'.encode("utf-16")),
        answer(200, body=b'{"a": 1'),
        answer(200, body=b'{"a": NaN}'),
        answer(200, body=b"[" * 200_000),
        answer(200, {}, headers={"X-Long": "x" * 100_000}),
    ],
)
async def test_an_answer_that_breaks_the_contract_is_the_partners_error(
    client: Client, behaviour: chaos.Behaviour
) -> None:
    async with ChaosServer(behaviour) as server:
        with pytest.raises(PartnerBroken):
            await client(server).request("GET", "/x")


@pytest.mark.parametrize(
    "behaviour",
    [
        chaos.huge(2_000_000),
        chaos.gzip_bomb(20_000_000),
        answer(200, body=b'"' + b"x" * 1_000_001 + b'"'),
    ],
)
async def test_an_answer_that_is_too_large_is_not_read_on(client: Client, behaviour: chaos.Behaviour) -> None:
    async with ChaosServer(behaviour) as server:
        with pytest.raises(PartnerBroken, match="larger than 1000000 bytes"):
            await client(server, size_limit=1_000_000).request("GET", "/x")


async def test_an_answer_of_just_the_limit_is_taken(client: Client) -> None:
    value = "x" * 998
    async with ChaosServer(answer(200, value), chaos.zipped(f'"{value}"'.encode())) as server:
        http = client(server, size_limit=1000)
        assert (await http.request("GET", "/x")).json == value
        assert (await http.request("GET", "/x")).json == value


@pytest.mark.parametrize("behaviour", [chaos.reset, chaos.hang_up, chaos.cut_in_head])
async def test_no_answer_at_all_is_tried_again_later(client: Client, behaviour: chaos.Behaviour) -> None:
    async with ChaosServer(behaviour) as server:
        with pytest.raises(Transient):
            await client(server).request("POST", "/x", json={})


async def test_after_trouble_the_next_call_works(client: Client) -> None:
    async with ChaosServer(chaos.cut_short, chaos.garbage, chaos.reset, answer(200, {"ok": 1})) as server:
        http = client(server)
        with counting() as tally:
            for _ in range(3):
                with pytest.raises(Transient):
                    await http.request("POST", "/x", json={})
            assert (await http.request("POST", "/x", json={})).json == {"ok": 1}
    assert tally.calls == 4


async def test_a_partner_that_is_not_there(client: Client) -> None:
    async with ChaosServer(answer(200, {})) as server:
        pass
    with pytest.raises(Transient, match="Connect"):
        await client(server).request("GET", "/x")


@pytest.mark.parametrize(
    ("behaviour", "limits"),
    [
        (chaos.never, {"read_timeout": 0.05}),
        (chaos.stall, {"read_timeout": 0.05}),
        (chaos.never, {"total_timeout": 0.05}),
        (chaos.drip, {"total_timeout": 0.1}),
    ],
)
async def test_a_slow_partner_meets_a_time_limit(
    client: Client, behaviour: chaos.Behaviour, limits: dict[str, float]
) -> None:
    async with ChaosServer(behaviour) as server:
        with pytest.raises(Transient, match=r"GET /x: .*0\.\d+ s") as caught:
            await client(server, **limits).request("GET", "/x")
    assert not isinstance(caught.value, PartnerBroken)


async def test_at_most_so_many_calls_at_once(client: Client) -> None:
    release = asyncio.Event()
    async with ChaosServer(chaos.gathered(release, answer(200, {}))) as server:
        http = client(server, calls_at_once=3)
        calls = [asyncio.create_task(http.request("GET", "/x")) for _ in range(10)]
        while server.at_once < 3:
            await asyncio.sleep(0)
        release.set()
        await asyncio.gather(*calls)
    assert server.peak == 3
    assert len(server.requests) == 10


async def test_a_long_poll_leaves_the_places_to_others_and_may_last_longer(client: Client) -> None:
    release = asyncio.Event()
    async with ChaosServer(chaos.gathered(release, answer(200, {"poll": 1})), answer(200, {})) as server:
        http = client(server, calls_at_once=1, read_timeout=0.05, total_timeout=0.05)
        poll = asyncio.create_task(http.request("GET", "/changes", timeout=60))
        while not server.requests:
            await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(poll), 0.1)
        await http.request("POST", "/x", json={})
        release.set()
        assert (await poll).json == {"poll": 1}


async def test_a_cancelled_call_gives_its_place_back(client: Client) -> None:
    async with ChaosServer(chaos.never, answer(200, {"ok": 1})) as server:
        http = client(server, calls_at_once=1)
        call = asyncio.create_task(http.request("GET", "/x"))
        while not server.requests:
            await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await http.request("GET", "/x")).json == {"ok": 1}


async def test_one_connection_serves_many_calls(client: Client) -> None:
    async with ChaosServer(answer(200, {})) as server:
        http = client(server)
        for _ in range(5):
            await http.request("GET", "/x")
    assert server.connections == 1


async def test_cookies_are_not_kept(client: Client) -> None:
    async with ChaosServer(answer(200, {}, headers={"Set-Cookie": "session=1"})) as server:
        server.url = server.url.replace("127.0.0.1", "localhost")  # addresses get no cookies anyway
        http = client(server)
        await http.request("GET", "/x")
        await http.request("GET", "/x")
    assert "cookie" not in server.requests[1].headers


async def test_a_closed_client_says_so(client: Client) -> None:
    async with ChaosServer(answer(200, {})) as server:
        http = client(server)
        await http.request("GET", "/x")
        await http.aclose()
        await http.aclose()
        with pytest.raises(Transient, match="closed"):
            await http.request("GET", "/x")


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (answer(401, {"detail": "client s3cret-s3cret is unknown"}), NeedsToken),
        (answer(422, {"detail": "token s3cret-s3cret, form hidden-hidden"}), Rejected),
        (chaos.garbage, PartnerBroken),
        (chaos.reset, Transient),
        (chaos.cut_short, PartnerBroken),
    ],
)
async def test_no_secret_in_messages_or_logs(
    client: Client, behaviour: chaos.Behaviour, kind: type[PartnerError], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "wtpd")
    caplog.set_level(logging.DEBUG, "aiohttp")
    async with ChaosServer(behaviour) as server:
        http = client(server)
        for auth in (("me-me", "s3cret-s3cret"), "s3cret-s3cret"):
            with pytest.raises(kind) as caught:
                await http.request(
                    "POST", "/x", form={"code": "hidden-hidden"}, params={"key": "also-hidden"}, auth=auth
                )
            said = [str(caught.value), repr(caught.value), getattr(caught.value, "detail", ""), caplog.text]
            chain: BaseException | None = caught.value.__cause__
            while chain is not None:
                said.append(str(chain))
                chain = chain.__cause__
            for text in said:
                assert "s3cret" not in text
                assert "hidden" not in text
    assert "POST /x" in caplog.text


@pytest.mark.parametrize(
    "address",
    [
        "http://partner.example",
        "http://10.0.0.1/x",
        "ftp://partner.example",
        "https://",
        "https://user:pw@partner.example",
        "https://partner.example?key=1",
        "https://partner.example:99999999",
        "partner.example",
        "http://[::1",
        "http://localhost.evil.example",
    ],
)
def test_an_address_that_is_not_safe_is_refused(address: str) -> None:
    with pytest.raises(Invalid) as caught:
        PartnerHttp(address)
    assert caught.value.problems[0].field == "address"


@pytest.mark.parametrize(
    "address", ["https://p.example/a/", "http://localhost:1", "http://127.0.0.9", "http://[::1]:8"]
)
def test_an_address_that_is_safe_is_taken(address: str) -> None:
    PartnerHttp(address)


@pytest.mark.parametrize("path", ["x", "//evil.example/x", "https://evil.example/x", "/x#y", "/\\evil.example"])
async def test_a_path_never_leaves_the_partner(client: Client, path: str) -> None:
    async with ChaosServer(answer(200, {})) as server:
        with pytest.raises(ValueError, match="path"):
            await client(server).request("GET", path)
    assert not server.requests
