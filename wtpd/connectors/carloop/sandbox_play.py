"""The people on Carloop's side of the sandbox: what `acts.py` describes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wtpd.clock import from_iso, iso
from wtpd.connectors.carloop.sandbox_fleet import BRANCH, Fleet
from wtpd.connectors.carloop.sandbox_rentals import BACK, BY_CLERK, CANCELLED, NO_SHOW, OUT, RESERVED, Kept, Rentals
from wtpd.connectors.carloop.sandbox_rules import Rules
from wtpd.connectors.kit.sandbox_side import ActRefused, Host

Given = Mapping[str, Any]


class Play:
    def __init__(self, host: Host, rules: Rules, fleet: Fleet, rentals: Rentals) -> None:
        self._host = host
        self._rules = rules
        self._fleet = fleet
        self._rentals = rentals
        self._acts: Mapping[str, Callable[[Given], Any]] = {
            "station": fleet.put_station,
            "car": fleet.put_vehicle,
            "lock": fleet.lock,
            "rules": rules.change,
            "token": self._token,
            "reserve": self._reserve,
            "swap": self._swap,
            "move": self._move,
            "cancel": self._cancel,
            "hand-over": self._hand_over,
            "take-back": self._take_back,
            "no-show": self._no_show,
            "state": self._state,
        }

    def act(self, name: str, given: Given) -> Any:
        """Raises `ActRefused`."""
        return self._acts[name](given)

    def _token(self, given: Given) -> Any:
        return self._rules.put_token(given["token"], "" if given.get("revoke") else given.get("branch") or BRANCH)

    def _reserve(self, given: Given) -> Any:
        car = self._fleet.vehicles.get(given["car"])
        start, end = from_iso(given["start"]), from_iso(given["end"])
        if car is None or end <= start:
            raise ActRefused("there is no such car, or the end isn't after the begin")
        if any(start < over and begun < end for begun, over in self._rentals.taken(car.id)):
            raise ActRefused("the car is booked then")
        kept = Kept(
            nr=f"V{len(self._rentals.all) + 1:06d}", branch=self._fleet.stations[car.station].branch, car=car.id,
            station=car.station, start=iso(start), end=iso(end),
        )  # fmt: skip
        return self._done(kept, is_new=True)

    def _swap(self, given: Given) -> Any:
        kept = self._found(given, RESERVED, OUT)
        car = self._fleet.vehicles.get(given["car"])
        if car is None:
            raise ActRefused("there is no such car")
        kept.car, kept.station = car.id, car.station
        return self._done(kept)

    def _move(self, given: Given) -> Any:
        kept = self._found(given, RESERVED, OUT)
        start = from_iso(given.get("start") or kept.start)
        end = from_iso(given.get("end") or kept.end)
        if end <= start:
            raise ActRefused("the end isn't after the begin")
        kept.start, kept.end = iso(start), iso(end)
        return self._done(kept)

    def _cancel(self, given: Given) -> Any:
        kept = self._found(given, RESERVED)
        kept.status, kept.reason = CANCELLED, given.get("reason") or "Vom Vermieter storniert"
        return self._done(kept)

    def _hand_over(self, given: Given) -> Any:
        kept = self._found(given, RESERVED)
        kept.status, kept.out_at = OUT, iso(self._host.clock.now())
        return self._done(kept)

    def _take_back(self, given: Given) -> Any:
        kept = self._found(given, OUT)
        kept.status, kept.back_at = BACK, iso(self._host.clock.now())
        return self._done(kept)

    def _no_show(self, given: Given) -> Any:
        kept = self._found(given, RESERVED)
        kept.status = NO_SHOW
        return self._done(kept)

    def _state(self, given: Given) -> Any:
        kept = self._found(given)
        kept.status = given["to"]
        return self._done(kept)

    def _found(self, given: Given, *states: str) -> Kept:
        """The rental, in one of `states` (none: in any). Raises `ActRefused`."""
        wanted = given["number"]
        kept = self._rentals.all.get(wanted)
        kept = kept or next((one for one in self._rentals.all.values() if one.reference == wanted), None)
        if kept is None:
            raise ActRefused("there is no such rental")
        if states and kept.status not in states:
            raise ActRefused(f"the rental is {kept.status}")
        return kept

    def _done(self, kept: Kept, *, is_new: bool = False) -> Any:
        self._rentals.keep(kept, BY_CLERK, is_new=is_new)
        return {"id": kept.nr, "version": kept.version}
