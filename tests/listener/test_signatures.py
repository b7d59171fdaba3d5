"""Bodies that their sender signs: taken only with a right signature over the bytes as they came."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import RunningDaemon, running_daemon
from tests.support.lan import Program, free_port, lan_text, program
from tests.support.push_connector import NAME, SECRET, SIGNATURE, lines, person, sign, signed_manifest
from tests.support.unix_http import Reply
from wtpd.connectors.registry import Registry, load
from wtpd.store.pushed import PIECE


@dataclass
class Box:
    daemon: RunningDaemon
    dms: Program

    async def push(self, body: bytes, signature: str, **headers: str) -> Reply:
        named = {SIGNATURE: signature} if signature else {}
        return await self.dms.push(body, **named, **headers)

    async def received(self) -> list[Any]:
        return list((await self.daemon.http.get("/v1/pushed")).json["items"])


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    port = free_port()
    registry = Registry({**load().manifests, NAME: signed_manifest()})
    async with running_daemon(tmp_path, lan_text(port), registry=registry) as daemon:
        yield Box(daemon, await program(daemon, port))


async def with_secret(box: Box) -> Box:
    body = {"fields": {"secret": SECRET}, "force": True}
    stored = await box.daemon.http.put(f"/v1/credentials/{NAME}/general", body)
    assert stored.status == 200, stored.json
    return box


async def test_a_signed_body_is_taken_whole_and_packed(box: Box) -> None:
    await with_secret(box)
    body = lines(person(1), person(2))
    assert (await box.push(body, sign(body))).json["accepted"] == 2
    packed = gzip.compress(lines(person(3)))
    assert (await box.push(packed, sign(packed), Content_Encoding="gzip")).json["accepted"] == 1
    long = lines(*(person(number, first_name="J" * 100) for number in range(10, 4500)))
    assert len(long) > PIECE
    assert (await box.push(long, sign(long))).status in (200, 202)


@pytest.mark.parametrize("signature", ["", "sha256=", "x", "sha256=" + "0" * 64, sign(b"another"), "sha1=abc"])
async def test_a_wrong_signature_is_refused_and_nothing_is_kept(box: Box, signature: str) -> None:
    await with_secret(box)
    body = lines(person(1))
    refused = await box.push(body, signature)
    assert (refused.status, refused.kind) == (401, "wrong-signature")
    assert (await box.push(body, signature, Prefer="respond-async")).status == 401
    assert await box.received() == []
    assert (await box.push(body, sign(body))).json["accepted"] == 1, "whoever forged it blocked nobody"
    assert (await box.push(body, signature)).status == 401, "a body that was taken isn't answered to others"


async def test_what_was_signed_is_what_comes(box: Box) -> None:
    await with_secret(box)
    long = lines(*(person(number, first_name="J" * 100) for number in range(4500)))
    assert (await box.push(long[:-1] + b" ", sign(long))).status == 401
    packed = gzip.compress(lines(person(1)))
    plain = sign(lines(person(1)))
    assert (await box.push(packed, plain, Content_Encoding="gzip")).status == 401, "of the bytes as they came"
    assert await box.received() == []


async def test_a_signature_given_twice_or_too_long_is_refused(box: Box) -> None:
    await with_secret(box)
    body = lines(person(1))
    twice = await box.push(body, sign(body), Lijst_Signature=sign(body))
    assert twice.status == 400
    assert (await box.push(body, "sha256=" + "0" * 5000)).status == 400


async def test_without_a_secret_the_sender_is_to_come_again(box: Box) -> None:
    body = lines(person(1))
    later = await box.push(body, sign(body))
    assert (later.status, later.headers["retry-after"]) == (503, "60")
    assert SECRET not in str(later.json)
    await with_secret(box)
    assert (await box.push(body, sign(body))).status == 200
