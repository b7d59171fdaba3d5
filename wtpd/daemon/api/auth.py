"""Who calls, and what they may do (spec: api.md). The kernel tells the uid (`SO_PEERCRED`); the groups are looked up.

root, the daemon's own user and the admin group may do everything, the read group may read, all others nothing.
"""

from __future__ import annotations

import asyncio
import grp
import os
import pwd
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

from wtpd.clock import Clock
from wtpd.daemon.api.call import Caller, Role

REMEMBERED = 10.0
"""Seconds for which a caller's groups are remembered for reading; for a write they are looked up afresh."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end, when it connected."""

    pid: int
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Account:
    """A user as the system knows it: login and the names of all groups."""

    name: str
    groups: frozenset[str]


def peer_of(sock: socket.socket) -> Peer:
    """The peer of a connected unix socket."""
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return Peer(*struct.unpack("3i", raw))


def account_of(uid: int) -> Account:
    """Ask the system's user database; blocks. A uid without an entry has no groups."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Account(f"uid:{uid}", frozenset())
    groups = set()
    for gid in os.getgrouplist(entry.pw_name, entry.pw_gid):
        try:
            groups.add(grp.getgrgid(gid).gr_name)
        except KeyError:
            continue
    return Account(entry.pw_name, frozenset(groups))


class Gate:
    """Tells callers' roles. The group names can be replaced when the configuration changes."""

    def __init__(
        self,
        *,
        admin_group: str,
        read_group: str,
        clock: Clock,
        lookup: Callable[[int], Account] = account_of,
        own_uid: int | None = None,
    ) -> None:
        self.admin_group = admin_group
        self.read_group = read_group
        self._clock = clock
        self._lookup = lookup
        self._trusted = {0, os.getuid() if own_uid is None else own_uid}
        self._known: dict[int, tuple[float, Account]] = {}

    async def caller(self, peer: Peer, *, afresh: bool) -> Caller:
        """`afresh` for a write: the groups as they are now, not as they were some seconds ago."""
        account = await self._account(peer.uid, afresh=afresh)
        return Caller(peer.uid, account.name, self._role(peer.uid, account.groups))

    def is_trusted(self, uid: int) -> bool:
        """root or the daemon's own user: what they may do depends on no group."""
        return uid in self._trusted

    def is_privileged(self, uid: int) -> bool:
        """Limits per caller don't hold for it: it is trusted, or was in the admin group when it was last looked up.
        Never blocks; somebody not seen yet is not privileged."""
        known = self._known.get(uid)
        return uid in self._trusted or (known is not None and self.admin_group in known[1].groups)

    def _role(self, uid: int, groups: frozenset[str]) -> Role | None:
        if uid in self._trusted or self.admin_group in groups:
            return Role.ADMIN
        return Role.READ if self.read_group in groups else None

    async def _account(self, uid: int, *, afresh: bool) -> Account:
        known = self._known.get(uid)
        now = self._clock.monotonic()
        if known is not None and (uid in self._trusted or (not afresh and now - known[0] < REMEMBERED)):
            return known[1]
        account = await asyncio.to_thread(self._lookup, uid)
        if len(self._known) > 1000:
            self._known.clear()
        self._known[uid] = (now, account)
        return account
