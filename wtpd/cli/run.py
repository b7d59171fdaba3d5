"""`wtpd run`: the daemon in the foreground; what the unit starts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wtpd import language
from wtpd.cli.command import command, option
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.cli.console import Console


@command(
    "run",
    N_("Run the daemon in the foreground; the service does this."),
    example="wtpd run --config wtpd.yaml --data-dir ./data",
)
@option(
    "--config",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    about=N_("The configuration (WTPD_CONFIG; /etc/wtpd/wtpd.yaml)."),
)
@option(
    "--data-dir",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    about=N_("Folder of the database, instead of the one in the configuration."),
)
def run(console: Console, config: Path | None, data_dir: Path | None) -> int:
    from wtpd.daemon.main import run as run_daemon

    environment = {**console.environment, "WTPD_LANG": language.current()}
    if data_dir is not None:
        environment["WTPD_DATA_DIR"] = str(data_dir.absolute())
    return run_daemon(environment, config=config)
