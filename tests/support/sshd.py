"""A real sshd on loopback for this user alone, with keys of its own."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey "{folder}/host"
AuthorizedKeysFile "{folder}/user.pub"
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
PermitRootLogin prohibit-password
AcceptEnv LANG
PrintMotd no
{more}
"""
PATIENCE = 20.0


@dataclass(frozen=True)
class Sshd:
    port: int
    folder: Path

    def command(self, *command: str) -> tuple[str, ...]:
        """The client that runs `command` there, with a terminal."""
        options = (
            "BatchMode=yes",
            "StrictHostKeyChecking=no",
            f'UserKnownHostsFile="{self.folder}/known"',
            "SendEnv=LANG",
        )
        given = [part for option in options for part in ("-o", option)]
        place = ("-F", "none", "-p", str(self.port), "-i", str(self.folder / "user"), f"{getpass.getuser()}@127.0.0.1")
        return ("ssh", "-tt", "-q", *given, *place, *command)


@contextlib.asynccontextmanager
async def running_sshd(folder: Path, *, more: str = "") -> AsyncIterator[Sshd]:
    """`more` is added to its settings."""
    assert SSHD is not None
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it puts unprivileged children, which it insists on
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    config = folder / "sshd_config"
    config.write_text(CONFIG.format(port=port, folder=folder, more=more))
    with (folder / "sshd.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(SSHD, "-D", "-e", "-f", str(config), stdout=log, stderr=log)
    try:
        await _listening(port, process, folder)
        yield Sshd(port, folder)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _listening(port: int, process: asyncio.subprocess.Process, folder: Path) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            assert process.returncode is None, (folder / "sshd.log").read_text()
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.02)
