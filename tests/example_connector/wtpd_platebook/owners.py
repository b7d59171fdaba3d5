"""The button "Ask for earlier owners": what an action looks like that no port knows."""

from __future__ import annotations

from wtpd.channel.errors import PartnerBroken
from wtpd.connectors.actions import Asked, Done, Fact, Remark
from wtpd.connectors.kit.values import WireError
from wtpd.errors import Refused
from wtpd.planner.vehicle import Vehicle
from wtpd.texts import N_, N_n
from wtpd_platebook import wire


async def ask(asked: Asked, address: str) -> Done:
    vehicle, access = asked.record, asked.access
    if not isinstance(vehicle, Vehicle) or not vehicle.vin:
        raise Refused(N_("This vehicle has no VIN yet."), kind="no-vin")
    query = {"vin": vehicle.vin}
    if "since" in asked.values:
        query["since"] = asked.values["since"].isoformat()
    token = (await access.secrets())["token"]
    answer = await access.http(access.settings.address or address).request("GET", "/owners", params=query, auth=token)
    try:
        count = wire.owners(answer.json)
    except WireError as error:
        raise PartnerBroken(f"GET /owners: {error}", status=answer.status) from None
    text = N_n("Platebook knows one earlier owner.", "Platebook knows {count} earlier owners.", count=count)
    return Done(
        facts=(Fact(name="owners", label=N_("Earlier owners"), value=count),),
        remarks=(Remark(text=text, tone="good" if count < 3 else "warn"),),
        data={"owners": count},
    )
