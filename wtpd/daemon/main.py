"""The daemon as a process: `wtpd run` and `python -m wtpd.daemon`."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from wtpd.config.environment import Environment, from_environment
from wtpd.daemon import logs
from wtpd.errors import WtpdError
from wtpd.texts import best_language

log = logging.getLogger(__name__)


def run(environ: Mapping[str, str], *, config: Path | None = None) -> int:
    """The whole life of the daemon, in the foreground. The exit code: 0 after a stop that was asked for, 1 if it
    couldn't start or one of its services died (systemd starts it again)."""
    gc.disable()  # until it is ready: importing makes no garbage worth looking for
    faulthandler.enable()  # where it hangs, when the watchdog's SIGABRT ends it
    try:
        environment = from_environment(environ)
    except WtpdError as error:
        return _refuse(error, environ)
    redactor = logs.set_up(environ, level=environment.log_level)
    if config is not None:
        environment = replace(environment, config=config.absolute())
    try:
        return asyncio.run(_live(environment, environ, redactor))
    except WtpdError as error:
        return _refuse(error, environ)


async def _live(environment: Environment, environ: Mapping[str, str], redactor: logs.Redactor) -> int:
    from wtpd.daemon.app import Daemon

    daemon = Daemon(environment, environ=environ, redactor=redactor)
    daemon.listen_to_signals(asyncio.get_running_loop())
    waiting = asyncio.create_task(_collect_garbage_from(daemon.ready))
    try:
        code = await daemon.run()
    finally:
        waiting.cancel()
    if not daemon.stopped_well:
        log.critical("Something didn't let itself be stopped; the process ends at once")
        logging.shutdown()
        os._exit(code or 1)  # a thread that hangs would keep the process for ever
    return code


async def _collect_garbage_from(ready: asyncio.Event) -> None:
    await ready.wait()
    gc.freeze()  # what is loaded by now stays for good; the collector needn't look through it
    gc.enable()


def _refuse(error: WtpdError, environ: Mapping[str, str]) -> int:
    """Why it can't start, for whoever reads stderr or the journal: all errors, each on its line."""
    language = best_language(environ.get("WTPD_LANG") or environ.get("LANG"))
    render = getattr(error, "render", None)
    sys.stderr.write(f"wtpd: {error.text.render(language)}\n")
    if render is not None:
        sys.stderr.write(f"{render(language)}\n")
    return 1
