"""Uploads for an import, and what is refused of them."""

from __future__ import annotations

import uuid

import pytest

from tests.support.unix_http import UnixHttp
from wtpd.client.limits import UPLOAD_LIMIT
from wtpd.daemon.api import imports

LIST = "Kundennummer;Vorname;Nachname\r\nK1;Jörg;Müller\r\n".encode("cp1252")


async def put(http: UnixHttp, upload: str, content: bytes, *, announced: int | None = None) -> int:
    size = len(content) if announced is None else announced
    head = f"PUT /v1/import/uploads/{upload} HTTP/1.1\r\nHost: wtpd\r\nContent-Length: {size}\r\n\r\n"
    return (await http.raw(head.encode() + content, method="PUT")).status


def body(upload: str) -> dict[str, list[dict[str, str]]]:
    return {"files": [{"name": "kunden.csv", "upload": upload}]}


async def test_an_uploaded_file_is_imported_once(http: UnixHttp) -> None:
    upload = str(uuid.uuid4())
    assert await put(http, upload, LIST) == 200
    done = await http.post("/v1/import", body(upload))
    assert (done.status, done.json["created"]) == (200, 1)
    gone = await http.post("/v1/import", body(upload))
    assert (gone.status, gone.kind) == (422, "invalid")
    assert (await http.get("/v1/import/progress")).json == {"phase": "idle", "done": 0, "total": 0}


async def test_a_repeated_import_is_answered_as_the_first(http: UnixHttp) -> None:
    upload = str(uuid.uuid4())
    await put(http, upload, LIST)
    answers = [await http.post("/v1/import", body(upload), **{"Idempotency-Key": "once"}) for _ in range(2)]
    assert [each.json["created"] for each in answers] == [1, 1]


@pytest.mark.parametrize("upload", ["x", "..%2f..%2fetc%2fpasswd", "A" * 32, "0" * 37])
async def test_names_that_are_no_ids(http: UnixHttp, upload: str) -> None:
    assert await put(http, upload, LIST) == 404
    assert (await http.post("/v1/import", body(upload[:36]))).status == 422


async def test_a_file_that_is_too_large_is_refused_before_it_comes(http: UnixHttp) -> None:
    assert await put(http, str(uuid.uuid4()), b"", announced=UPLOAD_LIMIT + 1) == 413
    assert imports.UPLOAD_LIMIT == UPLOAD_LIMIT


@pytest.mark.parametrize(
    "record", ['{"number": "\\\\ud800", "last_name": "K"}', '{"number": "1", "last_name": "K", "\\\\ud800": 1}']
)
async def test_what_no_text_can_hold_is_refused_by_line(http: UnixHttp, record: str) -> None:
    upload = str(uuid.uuid4())
    await put(http, upload, f"[{record}]".replace("\\\\", "\\").encode())
    done = await http.post("/v1/import", {"files": [{"name": "k.json", "upload": upload, "kind": "customers"}]})
    assert done.status == 422
    assert done.json["errors"][0]["field"].startswith("k.json:1")
