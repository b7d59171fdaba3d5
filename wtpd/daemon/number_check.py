"""A dealer number is verified with the partner before it is saved (spec: sync.md, 23)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wtpd.channel.errors import NeedsToken, NotAllowed, PartnerError, Rejected, missing_right, not_covered, why
from wtpd.daemon.fleet import Fleet
from wtpd.errors import WtpdError
from wtpd.texts import N_, Text

Verdict = Literal["known", "refused", "unreachable", "not_asked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberCheck:
    """The partner's answer. `refused`: the credentials don't cover the number, or the partner doesn't know it;
    `unreachable`: it couldn't say; `not_asked`: there is no way to ask yet (no credentials, no address)."""

    verdict: Verdict
    text: Text
    name: str = ""

    @property
    def is_doubtful(self) -> bool:
        """Saving the number needs somebody who means it all the same."""
        return self.verdict in ("refused", "unreachable")


async def check_number(fleet: Fleet, connector: str, site: str, number: str) -> NumberCheck:
    """Ask the partner about `number` with the credentials that are stored for `site`."""
    title = fleet.manifests[connector].title
    try:
        found = await fleet.ask_about(connector, site, number)
    except NotAllowed as error:
        return NumberCheck(verdict="refused", text=not_covered(number, error.covers))
    except NeedsToken as error:
        if error.status is None:
            text = N_("{partner} wasn't asked: {reason}", partner=title, reason=why(error))
            return NumberCheck(verdict="not_asked", text=text)
        text = N_("{partner} refuses the credentials, so nobody knows whether the number is right.", partner=title)
        return NumberCheck(verdict="unreachable", text=text)
    except Rejected as error:
        if error.status == 404:
            text = N_("{partner} knows no dealer number {number}.", partner=title, number=number)
            return NumberCheck(verdict="refused", text=text)
        return _unreachable(title, error)
    except PartnerError as error:
        return _unreachable(title, error)
    except WtpdError as error:
        text = N_("{partner} wasn't asked: {reason}", partner=title, reason=error.text)
        return NumberCheck(verdict="not_asked", text=text)
    if found.account != number:
        text = N_(
            "Wrong dealer number: {partner} knows us as {found}, but the mapping has {number}.",
            partner=title, found=found.account, number=number,
        )  # fmt: skip
        return NumberCheck(verdict="refused", text=text)
    text = N_("{partner} knows dealer number {number}: {name}.", partner=title, number=number, name=found.name)
    for right, ability in found.missing.items():
        text = N_("{text} {note}", text=text, note=missing_right(right, ability))
    return NumberCheck(verdict="known", text=text, name=found.name)


def _unreachable(title: str, error: PartnerError) -> NumberCheck:
    text = N_("{provider} can't be reached ({reason}).", provider=title, reason=why(error))
    return NumberCheck(verdict="unreachable", text=text)
