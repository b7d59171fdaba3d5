"""DAT's dossiers in neutral words."""

from __future__ import annotations

from datetime import date

import pytest

from wtpd.connectors.dat.client import Dat
from wtpd.connectors.dat.connector import DatSource, candidate
from wtpd.connectors.dat.values import Dossier, EquipmentPosition
from wtpd.connectors.kit.http import PartnerHttp
from wtpd.errors import Refused
from wtpd.vehicle_data.records import Place, Valuation


@pytest.mark.parametrize(
    ("base", "group", "model"),
    [
        ("Passat Variant (3G5)(07.2014->)", "Passat", "Passat Variant"),
        ("Boxer (330/333/335/435) Pritsche RS4035mm (2007->)", "", "Boxer"),
        ("(3G5)", "Passat", "Passat"),
        ("", "Passat", "Passat"),
    ],
)
def test_the_model_is_told_without_series_and_years(base: str, group: str, model: str) -> None:
    found = candidate(Dossier(base_model=base, model_group=group))
    assert (found.model, found.name) == (model, base)


def test_what_names_the_vehicle_and_all_else_that_dat_said() -> None:
    special = (EquipmentPosition(dat_id=7, description="Tow bar"),)
    found = candidate(
        Dossier(
            datecode="019051150020002", container="DE001", construction_time=5386, special=special, engine_code="DFGA"
        )
    )
    assert (found.code, found.is_complete, found.extras) == ("019051150020002 DE001", True, 1)
    assert found.reference == {
        "datecode": "019051150020002", "container": "DE001", "construction_time": 5386, "extras": [7],
    }  # fmt: skip
    assert (found.details["engine_code"], found.details["special"][0]["description"]) == ("DFGA", "Tow bar")


def test_an_answer_that_an_earlier_version_kept_is_read() -> None:
    kept = '{"dossiers":[{"datecode":"019051150020002","manufacturer":"Volkswagen"}],"card":true,"fault":"a: b"}'
    found = DatSource(Dat(PartnerHttp("http://127.0.0.1:1"))).read(kept)
    assert (found.is_partial, found.note, found.candidates[0].make) == (True, "a: b", "Volkswagen")


@pytest.mark.parametrize(
    "dossier",
    [
        Dossier(datecode="019051150020002", container="DE001"),
        Dossier(datecode="019051150020000", container="DE001", construction_time=1),
        Dossier(datecode="019051150020002", construction_time=1),
        Dossier(construction_time=1, container="DE001"),
    ],
)
async def test_a_vehicle_that_isnt_named_completely_has_no_value(dossier: Dossier) -> None:
    source = DatSource(Dat(PartnerHttp("http://127.0.0.1:1")))
    vehicle = Valuation(reference=candidate(dossier).reference, mileage=1, registered=date(2024, 3, 1))
    secrets = {"customer_number": "1", "user_name": "u", "password": "p", "signature": "s"}
    with pytest.raises(Refused) as caught:
        await source.evaluate(secrets, vehicle, Place("de", "DE"))
    assert caught.value.kind == "not-identified"
