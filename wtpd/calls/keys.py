"""Keys of calls: UUIDv7, so that a key says when it was made (RFC 9562)."""

from __future__ import annotations

from datetime import datetime, timedelta

import uuid_utils


def new_key(now: datetime) -> str:
    """A key made at `now`, which is the time of the transaction: `age` compares two times of one clock."""
    moment = f"{int(now.timestamp() * 1000):012x}"
    return f"{moment[:8]}-{moment[8:]}{str(uuid_utils.uuid7())[13:]}"


def age(key: str, now: datetime) -> timedelta:
    """How far the key's moment is from `now`, in either direction; nothing for a key of another form."""
    try:
        made = int(key.replace("-", "")[:12], 16) / 1000
    except ValueError:
        return timedelta()
    return timedelta(seconds=abs(now.timestamp() - made))
