"""Who sits at this terminal, and what the daemon says of itself and its sites."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wtpd.client import Client
from wtpd.tui.formats import Formats
from wtpd.tui.glyphs import UNICODE, Glyphs
from wtpd.tui.privacy import Privacy

Json = dict[str, Any]


@dataclass(slots=True)
class Session:
    """`me`: the daemon's answer about the caller (None: not reached yet). `client_id` names this terminal to the
    daemon, so that people who edit the same thing see each other."""

    api: Client
    formats: Formats
    glyphs: Glyphs = UNICODE
    me: Mapping[str, Any] | None = None
    sites: list[Json] = field(default_factory=list)
    site: str = ""
    """The site last looked at, shared by the screens."""
    privacy: Privacy = field(default_factory=Privacy)
    client_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    initials: str = ""

    @property
    def may_write(self) -> bool:
        return self.me is not None and self.me["role"] == "admin"

    @property
    def wants_initials(self) -> bool:
        return bool(self.me and self.me.get("shared") and self.may_write and not self.initials)

    def zone(self, site: str | None) -> str | None:
        """The time zone of a site."""
        return next((one["time_zone"] for one in self.sites if one["id"] == site), None)

    def site_name(self, site: str | None) -> str:
        return next((str(one["name"]) for one in self.sites if one["id"] == site), site or "")
