from __future__ import annotations

import subprocess
import sys

from wtpd.connectors.superservice import manifest


def test_the_manifest_says_what_it_needs() -> None:
    assert (manifest.name, manifest.actor, manifest.module, manifest.brand) == (
        "superservice",
        "SUPERSERVICE",
        "online_booking",
        "NISSAN",
    )
    assert [(field.name, field.secret) for field in (manifest.provider.fields if manifest.provider else ())] == [
        ("client_id", False),
        ("client_secret", True),
    ]


def test_the_manifest_loads_nothing_heavy() -> None:
    """It is loaded when the daemon starts."""
    script = "import sys, wtpd.connectors.superservice; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"httpx", "aiohttp", "yaml", "jsonschema_rs", "starlette", "uvicorn", "sqlite3"}
    assert not heavy & set(loaded)
    assert not {name for name in loaded if name.startswith("wtpd.sandbox")}
