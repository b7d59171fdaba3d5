"""A real systemd with wtpd as a service in a throw-away box; `tests/system/box` does the work.

WTPD_BOX_ROOTS=/var/tmp/bookworm:/var/tmp/trixie pytest tests/system
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

TOOL = Path(__file__).parents[1] / "system" / "box"
ROOTS = [Path(root) for root in os.environ.get("WTPD_BOX_ROOTS", "").split(":") if root]
"""Made with `tests/system/box make RELEASE ROOT`."""
PATIENCE = 40.0

ASK = """
import json, socket, sys
method, target, body = sys.argv[1:]
caller = socket.socket(socket.AF_UNIX)
try:
    caller.connect("/run/wtpd/api.sock")
except OSError as error:
    sys.exit(f"{error.strerror}")
head = [f"{method} {target} HTTP/1.1", "host: wtpd", "if-match: *", "accept-language: en", "connection: close",
        "content-type: application/json", f"content-length: {len(body)}", "", body]
caller.sendall("\\r\\n".join(head).encode())
data = b"".join(iter(lambda: caller.recv(1 << 16), b""))
head, _, content = data.partition(b"\\r\\n\\r\\n")
print(json.dumps([int(head.split(b" ")[1]), json.loads(content or b"null")]))
"""


@dataclass(frozen=True, slots=True)
class Box:
    name: str

    def run(self, *command: str, given: str | None = None, check: bool = True) -> str:
        """What a command in the box prints."""
        run = subprocess.run(
            [TOOL, "x", self.name, *command],
            input=given or "",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not check or run.returncode == 0, f"{command}: {run.returncode}\n{run.stdout}\n{run.stderr}"
        return run.stdout.strip()

    def sh(self, script: str, *, check: bool = True) -> str:
        return self.run("sh", "-c", script, check=check)

    def write(self, path: str, text: str) -> None:
        self.run("sh", "-c", 'mkdir -p "$(dirname "$0")" && cat > "$0"', path, given=text)

    def ask(self, method: str, target: str, body: Any = None, *, user: str = "root") -> tuple[int, Any]:
        """Status and answer of the API, asked by a user of the box; (0, reason) if it can't be reached."""
        text = "" if body is None else json.dumps(body)
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user != "root" else []
        command = [TOOL, "x", self.name, *become, "/usr/bin/python3", "-c", ASK, method, target, text]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if run.returncode:
            return 0, run.stderr.strip()
        status, answer = json.loads(run.stdout)
        return status, answer

    def show(self, name: str) -> str:
        """A property of wtpd.service."""
        return self.run("systemctl", "show", "wtpd.service", "--property", name, "--value")

    @property
    def pid(self) -> int:
        """Of the daemon; 0 if it doesn't run."""
        return int(self.show("MainPID"))

    def journal(self, *matches: str) -> list[dict[str, Any]]:
        """The entries, oldest first."""
        lines = self.run("journalctl", "-o", "json", "--no-pager", *matches, check=False)
        return [json.loads(line) for line in lines.splitlines()]

    def until(self, look: Callable[[], T]) -> T:
        """Ask again and again until the answer is true."""
        end = time.monotonic() + PATIENCE
        while not (found := look()):
            assert time.monotonic() < end, f"never: {found!r}\n{self.sh('systemctl status wtpd; journalctl -n 30')}"
            time.sleep(0.05)
        return found


@contextmanager
def box(root: Path) -> Iterator[Box]:
    """Booted, with wtpd installed but not started."""
    name = f"t{os.getpid()}-{root.name}"
    subprocess.run([TOOL, "up", name, root], check=True, timeout=120, capture_output=True)
    try:
        yield Box(name)
    finally:
        subprocess.run([TOOL, "down", name], check=True, timeout=60)
