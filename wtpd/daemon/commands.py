"""The commands that do the next step out of a problem, for those who look on the command line (spec: cli.md). Pure."""

from __future__ import annotations

from wtpd.channel.health import State
from wtpd.daemon.channels.channel import Row

ENTRIES = "wtpd credential"
FILE = "wtpd config check"
MAPPING = "wtpd mapping"


def enter(provider: str, scope: str) -> str:
    """Enter credentials."""
    return f"wtpd credential set {provider} --scope {scope}"


def listed(kind: str) -> str:
    """See what needs attention."""
    return f"wtpd attention list --kind {kind}"


def of_channel(row: Row, scope: str) -> str:
    """`scope`: of the credentials that the channel uses."""
    state = row.condition.state
    at_site = f" --site {row.site}" if row.site else ""
    if state is State.NEEDS_TOKEN:
        return enter(row.connector, scope)
    if state is State.NOT_COVERED:
        return MAPPING
    if state is State.CONFIG_ERROR:
        return FILE
    if state in (State.STOPPED, State.PAUSED):
        confirmed = " --accept-cancellations" if row.condition.step is not None else ""
        return f"wtpd resume {row.connector}{at_site}{confirmed}"
    return f"wtpd verify {row.connector}{at_site}"
