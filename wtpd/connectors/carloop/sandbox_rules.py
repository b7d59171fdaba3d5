"""Who may ask Carloop's side of the sandbox, and what the contract leaves to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec

from wtpd.connectors.kit.contract import Refusal
from wtpd.connectors.kit.sandbox_side import ActRefused, Host

TOKENS: Mapping[str, str] = {"sandboxtoken0123456789": "nordlicht", "westwindtoken0123456789": "westwind"}
"""What every new sandbox has: tokens and their branches."""
_KEY = "rules"
_WEB = ("none", "page", "login")


class _Rules(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    lead: int = 60
    """Minutes from now to the earliest begin of a rental."""
    buffer: int = 30
    """Minutes between two rentals of a car."""
    valid: int = 15
    """Minutes that a search is good for."""
    page: int = 50
    per_second: int = 5
    """Requests a second with one token beyond which it answers 429; 0: no limit."""
    required: str = "email"
    """Fields of the renter that must not be blank, with commas."""
    web: str = "none"
    """`page`: every answer is the web page; `login`: a redirect to the login."""
    epoch: int = 0
    """Counts how often cursors were refused."""


class Rules:
    """Kept on disk; `change` sets some of them."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._journal = host.journal(_KEY)
        self._token_journal = host.journal("tokens")
        kept = dict(self._journal.load()).get(_KEY)
        self._now = msgspec.json.decode(kept, type=_Rules) if kept else _Rules()
        given = {token: msgspec.json.decode(value, type=str) for token, value in self._token_journal.load()}
        self.tokens: dict[str, str] = {**TOKENS, **given}
        self._times: dict[str, deque[float]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._now, name)

    @property
    def required_fields(self) -> list[str]:
        return [name.strip() for name in self._now.required.split(",") if name.strip()]

    def state(self) -> Any:
        return msgspec.to_builtins(self._now)

    def change(self, given: Mapping[str, Any]) -> Any:
        """Raises `ActRefused` for a rule that can't be."""
        said = {name: value for name, value in given.items() if name != "refuse_cursors"}
        try:
            changed = msgspec.convert({**self.state(), **said}, type=_Rules)
        except msgspec.ValidationError as error:
            raise ActRefused(str(error)) from None
        if changed.web not in _WEB or changed.page < 1 or min(changed.lead, changed.buffer, changed.valid) < 0:
            raise ActRefused("web is page, login or none; a page has a rental at least; no time is negative")
        if given.get("refuse_cursors"):
            changed.epoch += 1
        self._now = changed
        self._journal.put(_KEY, msgspec.json.encode(changed))
        return self.state()

    def put_token(self, token: str, branch: str) -> Any:
        """A blank branch takes the token away."""
        self.tokens[token] = branch
        self._token_journal.put(token, msgspec.json.encode(branch))
        return {"branch": branch}

    def branch(self, authorization: str) -> str:
        """The branch of the token, whose requests are counted. Raises `Refusal` 401, 429."""
        scheme, _, token = authorization.partition(" ")
        branch = self.tokens.get(token) if scheme.lower() == "token" else None
        if not branch:
            raise Refusal(401, "NICHT_ANGEMELDET", "Der Token ist nicht gültig.", headers={"WWW-Authenticate": "Token"})
        self._count(token)
        return branch

    def _count(self, token: str) -> None:
        if not self._now.per_second:
            return
        now = self._host.clock.now().timestamp()
        times = self._times.setdefault(token, deque())
        while times and not now - 1 < times[0] <= now:
            times.popleft()
        if len(times) >= self._now.per_second:
            text = "Zu viele Anfragen in dieser Sekunde."
            raise Refusal(429, "ZU_VIELE_ANFRAGEN", text, headers={"Retry-After": "1"})
        times.append(now)
