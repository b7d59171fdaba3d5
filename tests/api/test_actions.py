"""What connectors can be asked to do: forms made from their manifests, whose bodies the routes take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.unix_http import UnixHttp
from wtpd.connectors.registry import load

LOGIN = {"customer_number": "1234567", "user_name": "u", "password": "p4ssword-of-dat"}


async def actions(http: UnixHttp) -> dict[str, Any]:
    items = (await http.get("/v1/actions", accept_language="en")).json["items"]
    return {f"{one['connector']}.{one['name']}": one for one in items}


async def test_dat_identifies_and_values_vehicles(http: UnixHttp) -> None:
    found = await actions(http)
    identify, value = found["dat.identify"], found["dat.value"]
    assert (identify["title"], identify["on"], identify["method"]) == ("DAT", "vehicle", "POST")
    assert identify["path"] == "/v1/vehicles/{id}/identification"
    assert "money" in identify["confirm"]
    assert "money" in value["confirm"]
    fields = {field["name"]: field for field in identify["fields"]}
    assert [choice["value"] for choice in fields["restriction"]["choices"]] == ["ALL", "REPAIR", "APPRAISAL"]
    assert [choice["value"] for choice in fields["site"]["choices"]] == ["rostock", "guestrow"]
    assert (fields["refresh"]["form"], fields["choose"]["form"], fields["site"]["form"]) == ("flag", "digits", "choice")


async def test_an_action_that_cannot_be_done_says_why(tmp_path: Path, daemon: RunningDaemon) -> None:
    off = (await actions(daemon.http))["dat.identify"]
    assert (off["available"], off["reason"]) == (False, "switched off in wtpd.yaml (connectors.dat.enabled)")
    (tmp_path / "other").mkdir()
    more = "connectors:\n  dat:\n    address: http://127.0.0.1:9\n"
    async with running_daemon(tmp_path / "other", config_text(sites={"rostock": None}, more=more)) as box:
        bare = (await actions(box.http))["dat.value"]
        assert (bare["available"], bare["reason"]) == (False, "no credentials of DAT yet: wtpd tui → Credentials")
        stored = await box.http.put("/v1/credentials/dat/general", {"fields": LOGIN, "force": True})
        assert stored.status == 200, stored.json
        ready = (await actions(box.http))["dat.value"]
        assert (ready["available"], ready["reason"]) == (True, None)


MANIFESTS = load().manifests
SAMPLES = {"text": "x", "digits": 1, "date": "2021-05-17", "flag": True, "site": "rostock"}


@pytest.mark.parametrize("connector", MANIFESTS)
async def test_every_field_of_a_form_is_known_to_its_route(connector: str, daemon: RunningDaemon) -> None:
    parts = daemon.daemon.parts
    assert parts is not None
    for action in MANIFESTS[connector].actions:
        routes = [one for one in parts.api.router.routes if (one.method, one.path) == (action.method, action.path)]
        assert len(routes) == 1, action.path
        body = {one.name: one.choices[0][0] if one.choices else SAMPLES[one.form] for one in action.fields}
        reply = await daemon.http.send(action.method, action.path.replace("{id}", "none"), body)
        assert reply.status != 422, reply.json
