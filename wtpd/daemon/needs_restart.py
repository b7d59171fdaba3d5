"""What stays as it was at the start, whatever the settings say later: the data folder and the socket."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from wtpd.config.model import Config
from wtpd.texts import N_, Text

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAtStart:
    """Where the daemon has its data and where it listens. `…_by_environment`: the settings don't decide it;
    `activated`: systemd made the socket."""

    folder: Path
    folder_by_environment: bool
    socket: Path
    socket_by_environment: bool
    activated: bool

    def against(self, config: Config) -> list[Difference]:
        """Where the settings want it otherwise, and the cure."""
        found = []
        restart = N_("Restart it: systemctl restart wtpd.")
        if not self.folder_by_environment and Path(config.data_dir) != self.folder:
            text = N_("data_dir counts from the next start on; in force is {path}.", path=self.folder)
            found.append(Difference("data_dir", text, restart))
        if not self.socket_by_environment and Path(config.api.socket) != self.socket:
            text = N_("api.socket counts from the next start on; in force is {path}.", path=self.socket)
            cure = restart
            if self.activated:
                text = N_("api.socket isn't in force: systemd listens at {path} for wtpd.", path=self.socket)
                cure = N_("Say the same in both places: systemctl edit wtpd.socket (ListenStream=).")
            found.append(Difference("api.socket", text, cure))
        return found


@dataclass(frozen=True, slots=True)
class Difference:
    key: str
    text: Text
    cure: Text


def tell(differences: Iterable[Difference]) -> None:
    for one in differences:
        log.warning("%s %s", one.text, one.cure)
