"""DAT's messages, its own examples and variants of them, as values."""

from __future__ import annotations

from datetime import date
from html import escape

import pytest

from tests.support.dat import GERMAN, envelope, fault, login, message
from wtpd.connectors.dat import wire
from wtpd.connectors.dat.values import Dossier, EquipmentPosition, Locale, Valuation
from wtpd.connectors.kit import soap
from wtpd.connectors.kit.values import WireError

SAMPLE = message("getVehicleIdentificationByVin.response")
PEUGEOT = """<ns2:Vehicle{ns}>
  <ns2:VehicleIdentNumber>VF3DEXTESTSTUB005</ns2:VehicleIdentNumber><ns2:ConstructionTime>5416</ns2:ConstructionTime>
  <ns2:ManufacturerName origin="dat">Peugeot</ns2:ManufacturerName>
  <ns2:BaseModelName origin="dat">Boxer (330/333/335/435) Pritsche RS4035mm (2007-&gt;)</ns2:BaseModelName>
  <ns2:VehicleType>2</ns2:VehicleType><ns2:Manufacturer>670</ns2:Manufacturer><ns2:BaseModel>87</ns2:BaseModel>
  <ns2:SubModel>12</ns2:SubModel><ns2:VinAccuracy>3</ns2:VinAccuracy><ns2:SubModelVariant>0</ns2:SubModelVariant>
  <ns2:VINResult><ns2:VINEquipments><ns2:VINEquipment><ns2:ManufacturerCode>B0FDQ&amp;TMG</ns2:ManufacturerCode>
  <ns2:ShortName>TURBODIESEL PUMA C 96</ns2:ShortName></ns2:VINEquipment></ns2:VINEquipments></ns2:VINResult>
  <ns2:MetaPositions><ns2:MetaPosition key="additionalVehicle" value="4: 026701050100000,5416"/>
  <ns2:MetaPosition key="other" value="5: 026701050100000,5416"/></ns2:MetaPositions></ns2:Vehicle>"""
CARD = f"<additionalInformation>{PEUGEOT.format(ns='')}</additionalInformation>"
"""As in a fault's text: its prefix is declared nowhere."""
DECLARED = CARD.replace("<ns2:Vehicle>", '<ns2:Vehicle xmlns:ns2="http://www.dat.de/vxs">')


def prefixed(data: bytes, old: bytes, new: bytes) -> bytes:
    return data.replace(b"<" + old + b":", b"<" + new + b":").replace(b"</" + old + b":", b"</" + new + b":").replace(
        b"xmlns:" + old + b"=", b"xmlns:" + new + b"="
    )  # fmt: skip


def comparable(data: bytes) -> object:
    """A request as nested lists, so that blanks, comments and prefixes don't count."""

    def plain(element: soap.Element) -> object:
        inside = [plain(one) for one in soap.children(element)]
        return element.tag, dict(element.attrib), inside or (element.text or "").strip()

    return plain(soap.body_of(data))


def test_the_answer_of_dat_is_read_with_its_equipment() -> None:
    [one] = wire.identification(SAMPLE).dossiers
    assert (one.datecode, one.container, one.construction_time) == ("019051150020002", "DE001", 5386)
    assert (one.manufacturer, one.base_model) == ("Volkswagen", "Passat Variant (3G5)(07.2014->)")
    assert (one.sub_model, one.accuracy, one.kba_numbers) == ("Trendline BMT/Start-Stopp", 0, ("0603/BQS",))
    assert one.is_complete
    assert [position.dat_id for position in one.series] == [37008, 26909, 26803]
    package = one.special[1]
    assert (package.description, package.price) == ("Ausstattungs-Paket: Licht + Sicht", 36600)
    assert [position.description for position in package.contained][1] == "Automatische Fahrlichtschaltung (ALS)"
    assert one.coded[0].description == "Motor 2,0 Ltr. - 110 kW TDI"
    assert [(colour.kind, colour.code) for colour in one.colours] == [("A1", "2T"), ("A2", "2T"), ("I1", "TO")]
    assert one.unassigned[0].code == "#D0"


def test_other_prefixes_make_no_difference() -> None:
    other = prefixed(prefixed(prefixed(SAMPLE, b"vxs", b"ns1"), b"S", b"soapenv"), b"vis", b"ns9")
    assert wire.identification(other) == wire.identification(SAMPLE)
    default = SAMPLE.replace(b"vxs:", b"").replace(b"xmlns:vxs", b"xmlns:q").replace(
        b"<VXS>", b'<VXS xmlns="http://www.dat.de/vxs">'
    )  # fmt: skip
    assert wire.identification(default) == wire.identification(SAMPLE)


def test_what_isnt_known_is_ignored() -> None:
    more = SAMPLE.replace(b"<vxs:Container>", b"<vxs:New a='1'><vxs:Deep>x</vxs:Deep></vxs:New><vxs:Container>")
    assert wire.identification(more) == wire.identification(SAMPLE)


def test_a_value_that_isnt_what_it_should_be_spoils_nothing_else() -> None:
    odd = SAMPLE.replace(b">5386<", b">soon<").replace(b">366<", b">cheap<").replace(b">0</vxs:Vin", b">-1</vxs:Vin")
    [one] = wire.identification(odd).dossiers
    assert (one.construction_time, one.accuracy, one.special[1].price) == (None, None, None)
    assert one.datecode == "019051150020002"


def test_the_most_probable_of_several_comes_first() -> None:
    begin, end = SAMPLE.index(b"<vxs:Dossier>"), SAMPLE.index(b"</VXS>")
    first = SAMPLE[begin:end]
    second = first.replace(b"<vxs:VinAccuracy>0", b"<vxs:VinAccuracy>1").replace(b"019051150020002", b"019051150020003")
    found = wire.identification(SAMPLE[:begin] + second + first + SAMPLE[end:])
    assert [one.datecode for one in found.dossiers] == ["019051150020002", "019051150020003"]


def test_an_answer_without_a_vehicle_has_no_candidates() -> None:
    begin, end = SAMPLE.index(b"<vxs:Dossier>"), SAMPLE.index(b"</VXS>")
    assert wire.identification(SAMPLE[:begin] + SAMPLE[end:]).dossiers == ()


def test_the_answer_to_another_question_is_refused() -> None:
    with pytest.raises(WireError, match="getVehicleIdentificationByVinResponse"):
        wire.identification(message("generateToken.response"))


# --- data cards


CARDS = {
    "in CDATA, the prefix declared nowhere": f"<![CDATA[ECode not found {CARD}]]>",
    "in CDATA, declared": f"<![CDATA[ECode not found {DECLARED}]]>",
    "escaped": escape(f"ECode not found {CARD}"),
    "escaped twice": escape(escape(f"ECode not found {CARD}")),
    "as elements": f"ECode not found {DECLARED}",
    "followed by more": escape(f"ECode not found {CARD} Bitte prüfen. <b>"),
    "another text": escape(f"Kein DAT-Code gefunden: {CARD}"),
    "another prefix": escape(f"ECode not found {CARD}".replace("ns2:", "q7:")),
    "no prefix": escape(f"ECode not found {CARD}".replace("ns2:", "")),
}


@pytest.mark.parametrize("string", CARDS.values(), ids=CARDS)
def test_a_data_card_in_a_fault_is_an_answer(string: str) -> None:
    found = wire.identification(fault(string))
    assert found.card
    assert [(one.datecode, one.construction_time, one.accuracy) for one in found.dossiers] == [
        ("026700870120000", 5416, 3),
        ("026701050100000", 5416, 4),
    ]
    first = found.dossiers[0]
    assert (first.manufacturer, first.vin, first.is_complete) == ("Peugeot", "VF3DEXTESTSTUB005", False)
    assert first.unassigned[0].code == "B0FDQ&TMG"
    assert found.fault.startswith("Server.valueNotFound: ")
    assert "<" not in found.fault


@pytest.mark.parametrize("where", ["<detail>{}</detail>", "<detail><inner>{}</inner></detail>"])
def test_a_data_card_is_found_in_the_detail_too(where: str) -> None:
    for card in (DECLARED, escape(CARD)):
        assert len(wire.identification(fault("ECode not found", more=where.format(card))).dossiers) == 2


@pytest.mark.parametrize(
    "value", ["4: 026701050100000,5416", "4:026701050100000,5416", " 4 : 026701050100000 , 5416 ", "4: 026701050100000"]
)
def test_further_vehicles_are_read_in_any_spacing(value: str) -> None:
    card = CARD.replace("4: 026701050100000,5416", value)
    assert wire.identification(fault(escape(card))).dossiers[1].datecode == "026701050100000"


@pytest.mark.parametrize("value", ["", "soon", "4", "x: y,z", "4: ,1"])
def test_further_vehicles_that_cant_be_read_are_left_out(value: str) -> None:
    card = CARD.replace("4: 026701050100000,5416", value)
    assert len(wire.identification(fault(escape(card))).dossiers) == 1


@pytest.mark.parametrize(
    "card", ["<additionalInformation/>", "<additionalInformation><n:Vehicle/></additionalInformation>"]
)
def test_an_empty_data_card_means_that_nobody_knows_the_vin(card: str) -> None:
    found = wire.identification(fault(escape(f"ECode not found {card}")))
    assert (found.card, found.dossiers) == (True, ())


@pytest.mark.parametrize(
    "card", ["<additionalInformation><Vehicle>", "<additionalInformation", "additionalInformation"]
)
def test_a_card_that_cant_be_read_isnt_taken_for_a_vehicle_that_nobody_knows(card: str) -> None:
    with pytest.raises(WireError, match="card"):
        wire.identification(fault(escape(f"ECode not found {card}")))


@pytest.mark.parametrize("code", ["dat:dat:Server.valueNotFound", "dat:valueNotFound"])
def test_a_fault_without_a_card_is_the_answer_that_nobody_knows_the_vin(code: str) -> None:
    found = wire.identification(fault("ECode not found", code))
    assert (found.card, found.dossiers) == (False, ())
    assert found.fault.endswith("valueNotFound: ECode not found")


def test_a_bomb_within_a_fault_doesnt_go_off() -> None:
    card = "<!DOCTYPE a [<!ENTITY x 'y'>]><additionalInformation>&x;</additionalInformation>"
    with pytest.raises(WireError):
        wire.identification(fault(escape(card)))


def test_a_card_keeps_the_numbers_by_which_a_workshop_finds_parts() -> None:
    card = (
        "<additionalInformation><Vehicle><ManufacturerName>BMW</ManufacturerName><PaintTypes><PaintType>30</PaintType>"
        "<PaintType/></PaintTypes><VINResult><VINEquipments><VINEquipment><AvNumberDat>789</AvNumberDat>"
        "<ManufacturerCode>320</ManufacturerCode><ShortName>MODELLSCHRIFTZUG ENTFALL</ShortName></VINEquipment>"
        "<VINEquipment><AvNumberDat>81</AvNumberDat></VINEquipment></VINEquipments><VINVehicle>"
        "<ManufacturerEngineCode>N47</ManufacturerEngineCode></VINVehicle></VINResult></Vehicle></additionalInformation>"
    )
    [one] = wire.identification(fault(escape(card))).dossiers
    assert [(code.code, code.dat_id) for code in one.unassigned] == [("320", 789), ("", 81)]
    assert (one.engine_code, one.transmission_code, one.paint_types) == ("N47", "", ("30",))


def test_the_sample_tells_of_engine_gearbox_paint_and_extras() -> None:
    [one] = wire.identification(message("getVehicleIdentificationByVin.response")).dossiers
    assert (one.car_code, one.engine_code, one.transmission_code) == ("3G525X", "CRLB", "QFZ")
    assert (one.paint_types, one.extras) == (("30",), (24151, 7502, 26708))


def test_a_package_without_a_number_counts_by_what_is_in_it() -> None:
    package = EquipmentPosition(contained=(EquipmentPosition(dat_id=2), EquipmentPosition(dat_id=3)))
    assert Dossier(special=(EquipmentPosition(dat_id=3), package)).extras == (3, 2)


# --- faults


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ('Zu oft.<br/><a href="###VIN_INFO###" target=_blank>Mehr</a>', "Zu oft. Mehr"),
        ("<P class='x'>Zu&nbsp;oft</P> ###CODE###", "Zu oft"),
        ("aufgetreten <FV2E>.", "aufgetreten <FV2E>."),
        ("a &lt;b&gt;bold&lt;/b&gt; word", "a bold word"),
        ("1 < 2 & 3 > 2", "1 < 2 & 3 > 2"),
        ("<a " * 3000, "<a " * 333 + "<"),
    ],
)
def test_a_faults_text_comes_without_html_and_placeholders(written: str, shown: str) -> None:
    with pytest.raises(wire.FaultError) as caught:
        wire.identification(fault(escape(written), "dat:x"))
    assert caught.value.fault.text == shown.strip()


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("dat:dat:Server.valueNotFound", "Server.valueNotFound"),
        ("dat:validation.mileage.missing", "validation.mileage.missing"),
        ("S:Server", "Server"),
        ("error.vinserver.timeout.vin2ecode", "error.vinserver.timeout.vin2ecode"),
        ("  dat:Server.authorizationFailed\n", "Server.authorizationFailed"),
        ("", "unknown"),
    ],
)
def test_a_code_is_known_without_its_prefixes(written: str, code: str) -> None:
    with pytest.raises(wire.FaultError) as caught:
        wire.token(fault("Etwas ging schief", written))
    assert caught.value.fault.code == code


def test_a_fault_is_told_by_code_and_text_whatever_is_in_the_text() -> None:
    string = escape("Im VIN-Server ist ein Datenverarbeitungsfehler\n aufgetreten <FV2E>.")
    with pytest.raises(wire.FaultError) as caught:
        wire.identification(fault(string, "dat:error.vinserver.fail.vin2ecode"))
    assert wire.shown(caught.value.fault) == (
        "error.vinserver.fail.vin2ecode: Im VIN-Server ist ein Datenverarbeitungsfehler aufgetreten <FV2E>."
    )


def test_a_very_long_text_is_cut() -> None:
    with pytest.raises(wire.FaultError) as caught:
        wire.token(fault("a" * 5000))
    assert len(wire.shown(caught.value.fault)) == 300


# --- tokens, types, valuation


def test_the_token_is_read() -> None:
    assert wire.token(message("generateToken.response")).startswith("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.")


@pytest.mark.parametrize("token", ["", "two words", "line\nend", "ü", "x" * 9000])
def test_what_cant_stand_in_a_header_is_no_token(token: str) -> None:
    body = f'<a:generateTokenResponse xmlns:a="{wire.AUTHENTICATION}"><token>{token}</token></a:generateTokenResponse>'
    with pytest.raises(WireError):
        wire.token(envelope(body))


def test_the_vehicle_types_are_read() -> None:
    body = (
        f'<n:getVehicleTypesResponse xmlns:n="{wire.SELECTION}"><vehicleType key="1" value="Pkw"/>'
        '<vehicleType key="2"/></n:getVehicleTypesResponse>'
    )
    assert wire.vehicle_types(envelope(body)) == ("Pkw", "")


VALUATION = """<n:getVehicleEvaluationResponse xmlns:n="http://sphinx.dat.de/services/Evaluation"
  xmlns:x="http://www.dat.de/vxs"><VXS source="SD3"><x:Dossier><x:Vehicle/><x:Valuation>
  <x:OriginalPriceGross origin="dat">33050</x:OriginalPriceGross><x:SalesPrice>12853.53</x:SalesPrice>
  <x:SalesPriceGross>15295.70</x:SalesPriceGross><x:PurchasePrice>11003.67</x:PurchasePrice>
  <x:PurchasePriceGross>13094.37</x:PurchasePriceGross><x:LastValuationDataYear>2013</x:LastValuationDataYear>
  <x:LastValuationDataMonth>1</x:LastValuationDataMonth><x:Currency>EUR</x:Currency>
  </x:Valuation></x:Dossier></VXS></n:getVehicleEvaluationResponse>"""


def test_the_prices_of_a_valuation_are_read_in_cents() -> None:
    found = wire.evaluation(envelope(VALUATION))
    assert (found.sales, found.sales_gross, found.purchase, found.purchase_gross) == (
        1285353, 1529570, 1100367, 1309437,
    )  # fmt: skip
    assert (found.original_gross, found.currency, found.data_month) == (3305000, "EUR", "2013-01")


@pytest.mark.parametrize("price", ["NaN", "-1", "1e400", "Infinity", "", "12,50"])
def test_what_is_no_price_is_none(price: str) -> None:
    assert wire.evaluation(envelope(VALUATION.replace("12853.53", price))).sales is None


def test_a_valuation_without_prices_is_refused() -> None:
    for body in (VALUATION.replace("Price", "Prize"), VALUATION.replace("Valuation>", "Other>")):
        with pytest.raises(WireError):
            wire.evaluation(envelope(body))


# --- requests


def test_the_request_for_a_token_is_as_dat_shows_it() -> None:
    shown = (
        message("generateToken.request")
        .replace(b"7654321", b"1234567")
        .replace(b"GHHSLO...", login("p").signature.encode())
    )
    shown = shown.replace(b"loginName", b"sandbox").replace(b">password<", b">p<")
    assert comparable(wire.token_request(login("p"))) == comparable(shown)
    assert b"<productVariant>valuateNG.expert</productVariant>" in wire.token_request(login("p"), "valuateNG.expert")


def test_the_request_for_a_vehicle_is_as_dat_shows_it() -> None:
    asked = wire.identification_request("WVWDEXTESTSTUB001", Locale("de", "de", "de"))
    assert comparable(asked) == comparable(message("getVehicleIdentificationByVin.request"))


def test_nothing_that_is_entered_can_add_an_element() -> None:
    request = soap.child(soap.body_of(wire.token_request(login('</customerPassword><x a="&'))), "request")
    assert soap.text(request, "customerPassword") == '</customerPassword><x a="&'


def test_a_valuation_saves_nothing_at_dat() -> None:
    asked = wire.evaluation_request(
        Valuation(
            datecode="019051150020002", container="DE001", construction_time=5386, mileage=43000,
            registered=date(2015, 3, 1), extras=(24151, 7502), vin="WVWDEXTESTSTUB001", taxation="REGULAR",
        ),
        GERMAN,
    )  # fmt: skip
    request = soap.child(soap.body_of(asked), "request")
    told = {soap.local(one): one.text for one in soap.children(request)}
    assert (told["restriction"], told["save"], told["registrationDate"]) == ("APPRAISAL", "false", "2015-03-01")
    assert (told["vin"], told["vatType"]) == ("WVWDEXTESTSTUB001", "REGULAR")
    equipment = soap.child(request, "equipment")
    positions = [soap.number(one, "datEquipmentId") for one in soap.children(equipment, "equipmentPosition")]
    assert positions == [24151, 7502]


@pytest.mark.parametrize(
    ("language", "market", "idiom"),
    [
        ("de", "DE", "de-DE"),
        ("de", "AT", "de-AT"),
        ("nl", "NL", "nl-NL"),
        ("nl", "BE", "nl-NL"),
        ("en", "DE", "en-US"),
        ("de", "NL", "de-DE"),
    ],
)
def test_only_idioms_that_dat_takes_are_asked_for(language: str, market: str, idiom: str) -> None:
    locale = Locale.of(language, market)
    assert (f"{locale.language}-{locale.country}", locale.market) == (idiom, market)


@pytest.mark.parametrize(
    ("code", "complete"), [("019051150020002", True), ("026701050100000", False), ("", False), ("01905", False)]
)
def test_a_code_without_its_variant_isnt_complete(code: str, complete: bool) -> None:
    assert Dossier(datecode=code).is_complete is complete


def test_a_login_shows_itself_to_nobody() -> None:
    assert "sandbox-secret" not in f"{login()!r} {login()}"
