"""What makes knowledge stale, for the torture: an older copy of our database or of the partner's, refused cursors,
forgotten keys, a second program under our label, values kept in another form (sync.md, 13 to 22)."""

from __future__ import annotations

import copy
import random
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.sandbox import Sandbox

if TYPE_CHECKING:
    from tests.torture.torture import Told

PARTNER = "superservice"
DEALER = "00123"


class Stale:
    """`between` lives, while the daemon is stopped, and `during` one, things happen that nobody is told of."""

    def __init__(self, folder: Path, sandbox: Sandbox, chance: random.Random) -> None:
        self._database = folder / "data" / "wtpd.db"
        self._copy = folder / "earlier.db"
        self._told: Told | None = None
        """What the desk had been told when the copy was made."""
        self._sandbox = sandbox
        self._chance = chance
        self._has_snapshot = False
        self.happened: Counter[str] = Counter()

    @property
    def is_restored(self) -> bool:
        """Either side was, so that what came after its copy may be gone, and older values come again."""
        return any(self.happened[each] for each in ("our database restored", "partner restored", "partner emptied"))

    @property
    def shapes(self) -> bool:
        """The partner keeps values in another form."""
        return bool(self.happened["values kept in another form"])

    def between(self, told: Told) -> Told:
        """What the desk was told, as far as the database can know of it."""
        if not self._database.exists():
            return told
        chance = self._chance.random()
        if chance < 0.35:
            with closing(sqlite3.connect(self._database)) as source, closing(sqlite3.connect(self._copy)) as target:
                source.backup(target)
            self._told = copy.deepcopy(told)
        elif chance < 0.6 and self._told is not None:
            return self._restore(self._told, told)
        return told

    def _restore(self, then: Told, now: Told) -> Told:
        """What was told since then is in the book only if the partner had it."""
        for each in ("-wal", "-shm"):
            self._database.with_name(self._database.name + each).unlink(missing_ok=True)
        self._database.write_bytes(self._copy.read_bytes())
        if self._chance.random() < 0.5:
            with closing(sqlite3.connect(self._database)) as database, database:
                database.execute("UPDATE channel SET restored = 1")
        self.happened["our database restored"] += 1
        told = copy.deepcopy(then)
        told.unsure |= (now.sure | now.unsure) - told.sure
        return told

    async def during(self) -> None:
        """One thing of the partner's, or none."""
        happen: Callable[[], Awaitable[None]] = self._chance.choice(
            (self._nothing, self._snapshot, self._snapshot, self._restored, self._restored, self._emptied,
             self._cursors, self._cursors, self._keys, self._shaped, self._second_program, self._second_program)
        )  # fmt: skip
        await happen()

    async def _nothing(self) -> None:
        pass

    async def _snapshot(self) -> None:
        await self._sandbox.control.snapshot(PARTNER)
        self._has_snapshot = True

    async def _restored(self) -> None:
        if self._has_snapshot:
            await self._sandbox.control.restore(PARTNER)
            self.happened["partner restored"] += 1

    async def _emptied(self) -> None:
        if self._chance.random() < 0.3:
            await self._sandbox.control.empty(PARTNER)
            self.happened["partner emptied"] += 1

    async def _cursors(self) -> None:
        await self._rules("cursors refused", refuse_cursors=self._chance.choice((400, 404, 410)))

    async def _keys(self) -> None:
        """Until the next time."""
        await self._rules("keys forgotten", key_hours=self._chance.choice((0, 0, 24)))

    async def _shaped(self) -> None:
        """Marks (`partner-00001`) stay whole."""
        shaped = {"cut": self._chance.choice((0, 14, 18)), "tidy": self._chance.random() < 0.5}
        await self._rules("values kept in another form", **shaped)

    async def _rules(self, what: str, **rules: object) -> None:
        await self._sandbox.control.act(PARTNER, "rules", **rules)
        self.happened[what] += 1

    async def _second_program(self) -> None:
        """Writes a few times over what is there, as a DMS with the same dealer number does."""
        state = await self._sandbox.control.state(PARTNER)
        living = [one for one in state["appointments"] if one["status"] != "CANCELLED"]
        for one in self._chance.sample(living, min(3, len(living))):
            for number in range(self._chance.randint(1, 5)):
                notes = f"second-{one['version'] + number}"
                await self._sandbox.control.act(PARTNER, "change", dealer=DEALER, id=one["id"], by="dms", notes=notes)
            self.happened["second program"] += 1
