"""What the environment may say: paths and the log level, nothing else (`WTPD_*`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wtpd.errors import Invalid, Problem
from wtpd.texts import N_

CONFIG = Path("/etc/wtpd/wtpd.yaml")
LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """None: as the file, or the default, says."""

    config: Path = CONFIG
    data_dir: Path | None = None
    socket: Path | None = None
    key_file: Path | None = None
    log_level: str = "info"


def from_environment(environ: Mapping[str, str]) -> Environment:
    """`WTPD_CONFIG`, `WTPD_DATA_DIR`, `WTPD_SOCKET`, `WTPD_KEY_FILE` (paths), `WTPD_LOG_LEVEL`. Empty ones don't count.
    Raises `Invalid`."""

    def path(name: str) -> Path | None:
        return Path(environ[name]).absolute() if environ.get(name) else None

    level = (environ.get("WTPD_LOG_LEVEL") or "info").lower()
    if level not in LEVELS:
        text = N_("WTPD_LOG_LEVEL {value} is unknown; possible: {allowed}", value=level, allowed=", ".join(LEVELS))
        raise Invalid(text, problems=[Problem("WTPD_LOG_LEVEL", text)])
    return Environment(
        config=path("WTPD_CONFIG") or CONFIG,
        data_dir=path("WTPD_DATA_DIR"),
        socket=path("WTPD_SOCKET"),
        key_file=path("WTPD_KEY_FILE"),
        log_level=level,
    )
