"""Reading a partner's answer: its size, encoding, type and reason, and nothing that isn't checked."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import msgspec

from wtpd.channel.errors import PartnerBroken, TooLarge

if TYPE_CHECKING:
    import httpx

RETRY_AFTER_LIMIT = 3600.0
DETAIL_LENGTH = 200


async def body_of(response: httpx.Response, limit: int, call: str) -> bytes:
    """The whole body, decompressed. Never more than `limit` bytes (and one piece) are held, so that a gzip bomb can't
    burst. Raises `TooLarge`, `PartnerBroken`, and what the transport raises."""
    unzip = _decompressor(response, call)
    too_large = TooLarge(f"{call}: the answer is larger than {limit} bytes", status=response.status_code)
    declared = response.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise too_large
    body = bytearray()
    started = False
    async for piece in response.stream:  # type: ignore[union-attr]  # an async transport gives an async stream
        started = started or bool(piece)
        try:
            body += piece if unzip is None else unzip.decompress(piece, limit + 1 - len(body))
        except zlib.error:
            raise PartnerBroken(f"{call}: the answer isn't gzip", status=response.status_code) from None
        if len(body) > limit:
            raise too_large
    if unzip is not None and started and not unzip.eof:
        raise PartnerBroken(f"{call}: the answer was cut short", status=response.status_code)
    return bytes(body)


def json_of(response: httpx.Response, body: bytes, call: str) -> Any:
    """The JSON value, None for an empty body. Raises `PartnerBroken` for another type, encoding or broken JSON."""
    if not body:
        return None
    status = response.status_code
    media, _, parameters = response.headers.get("content-type", "").lower().partition(";")
    media = media.strip()
    if media != "application/json" and not (media.startswith("application/") and media.endswith("+json")):
        raise PartnerBroken(f"{call}: the answer isn't JSON by its content type", status=status)
    if _charset(parameters) not in ("utf-8", "utf8", "us-ascii"):
        raise PartnerBroken(f"{call}: the answer isn't in UTF-8", status=status)
    try:
        return msgspec.json.decode(body)
    except UnicodeDecodeError:
        raise PartnerBroken(f"{call}: the answer isn't in UTF-8", status=status) from None
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        return msgspec.json.decode(_without_half_characters(body))
    except (ValueError, RecursionError):
        raise PartnerBroken(f"{call}: the answer is broken JSON", status=status) from None


def _without_half_characters(body: bytes) -> bytes:
    r"""Programs that count in UTF-16 cut texts in the middle of an emoji and write the half as `\ud83d`, which is no
    character. A whole feed isn't held up by that: a question mark stands for it. Raises ValueError."""
    return json.dumps(json.loads(body.decode()), ensure_ascii=False).encode("utf-8", "replace")


def detail_of(problem: Any) -> str:
    """The partner's own sentence (RFC 9457, or OAuth's error), on one line and shortened; "" if there is none."""
    if not isinstance(problem, dict):
        return ""
    for name in ("detail", "title", "error_description", "error"):
        said = problem.get(name)
        if isinstance(said, str) and said.strip():
            line = " ".join("".join(c if c.isprintable() else " " for c in said[:2000]).split())
            return line if len(line) <= DETAIL_LENGTH else line[: DETAIL_LENGTH - 1] + "…"
    return ""


def retry_after(value: str | None, now: datetime) -> float:
    """Seconds to wait, from a `Retry-After` header (RFC 9110, 10.2.3): seconds or an HTTP date, capped at an hour;
    a date before `now`, no header or nonsense gives 0."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), RETRY_AFTER_LIMIT) if len(text) < 10 else RETRY_AFTER_LIMIT
    moment = _http_date(text)
    return 0.0 if moment is None else min(max((moment - now).total_seconds(), 0.0), RETRY_AFTER_LIMIT)


def answered_at(value: str | None, now: datetime) -> datetime:
    """When the partner's clock says that it answered (`Date`, RFC 9110, 6.6.1), which judges the dates in its other
    headers; our own clock's `now` where it doesn't say."""
    return _http_date((value or "").strip()) or now


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _decompressor(response: httpx.Response, call: str) -> zlib._Decompress | None:
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding == "gzip":
        return zlib.decompressobj(wbits=31)
    if coding != "identity":
        raise PartnerBroken(f"{call}: the answer is encoded as we didn't ask for", status=response.status_code)
    return None


def _charset(parameters: str) -> str:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "charset":
            return value.strip('"')
    return "utf-8"
