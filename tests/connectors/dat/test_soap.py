"""XML that is meant to hurt, or simply broken: it is refused, quickly, and never anything else."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.dat import envelope, fault, message
from wtpd.connectors.dat import wire
from wtpd.connectors.kit import soap
from wtpd.connectors.kit.values import WireError

READERS = (wire.token, wire.vehicle_types, wire.identification, wire.evaluation)

BOMB = "<!DOCTYPE lolz [<!ENTITY a '" + "ha" * 50 + "'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)
) + "]><lolz>&j;</lolz>"  # fmt: skip
HOSTILE = {
    "entity bomb": BOMB,
    "bomb in an attribute": BOMB.replace("<lolz>&j;</lolz>", '<lolz a="&j;"/>'),
    "external entity": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "external document type": '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>',
    "behind declaration and comment": f'<?xml version="1.0"?><!-- <a> --><?pi x?>\n{BOMB}',
    "a bare document type": "<!DOCTYPE a><a/>",
    "deep nesting": "<a>" * 300 + "</a>" * 300,
    "very deep nesting": "<a>" * 40_000 + "</a>" * 40_000,
    "too many elements": "<a>" + "<b/>" * soap.MARKUP_LIMIT + "</a>",
    "too many characters": "<a>" + "x" * soap.SIZE_LIMIT + "</a>",
    "undeclared entity": "<a>&x;</a>",
    "undeclared prefix": "<a><n:b/></a>",
    "nothing": "",
    "blanks": "  \n ",
    "cut short": "<a><b>",
    "two roots": "<a/><b/>",
    "a NUL": "<a>\x00</a>",
    "a web page": "<html><body><p>502 Bad Gateway<br></body></html>",
    "JSON": '{"token": "x"}',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_hostile_or_broken_is_refused_at_once(text: str) -> None:
    began = time.process_time()
    with pytest.raises(WireError):
        soap.parsed(text)
    assert time.process_time() - began < 5  # a bomb that went off would take minutes and gigabytes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_document_type_isnt_overlooked_in_another_encoding(encoding: str) -> None:
    with pytest.raises(WireError, match="document type"):
        soap.body_of(BOMB.encode(encoding))


def test_no_error_repeats_what_was_read() -> None:
    with pytest.raises(WireError) as caught:
        soap.parsed("<secret-4711></other>")
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "iso-8859-1", "windows-1252"])
def test_texts_are_read_in_the_encodings_that_servers_use(encoding: str) -> None:
    declared = {"utf-8-sig": "utf-8", "utf-16-le": "utf-16"}.get(encoding, encoding)
    text = f'<?xml version="1.0" encoding="{declared}"?>{envelope("<a>Türöffner</a>").decode()}'
    data = text.encode(encoding)
    charset = encoding if encoding == "utf-16-le" else None
    if charset:  # without a byte order mark nobody can know
        data = b"\xff\xfe" + data
    assert soap.body_of(data).text == "Türöffner"


def test_the_header_of_http_is_believed_before_the_declaration() -> None:
    data = b'<?xml version="1.0" encoding="iso-8859-1"?>' + envelope("<a>ä</a>")
    assert soap.body_of(data, "UTF-8").text == "ä"


@pytest.mark.parametrize("data", [envelope("<a>ä</a>").decode().encode("latin-1"), b"\xff\xfe\x00\xd8", b"\x80"])
def test_bytes_that_arent_in_their_encoding_are_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        soap.body_of(data)


def test_an_encoding_nobody_expects_is_refused() -> None:
    with pytest.raises(WireError, match="encoding"):
        soap.body_of(b'<?xml version="1.0" encoding="utf-7"?><a/>')


@pytest.mark.parametrize("prefix", ["S", "soapenv", "x"])
def test_prefixes_are_the_senders_choice(prefix: str) -> None:
    assert soap.local(soap.body_of(envelope("<a/>", prefix))) == "a"


def test_other_envelopes_are_refused() -> None:
    soap12 = envelope("<a/>").replace(
        b"http://schemas.xmlsoap.org/soap/envelope/", b"http://www.w3.org/2003/05/soap-envelope"
    )
    for data in (soap12, b"<Envelope><Body><a/></Body></Envelope>", envelope("")):
        with pytest.raises(WireError):
            soap.body_of(data)


names = st.text("abcdefXYZ:", min_size=1, max_size=6)
xml = st.recursive(
    st.text(max_size=8) | st.sampled_from(["&lt;", "&#0;", "<![CDATA[<a>]]>", "<!-- c -->", "<?p?>", "&x;"]),
    lambda inside: st.builds(
        lambda name, parts: f"<{name}>{''.join(parts)}</{name}>", names, st.lists(inside, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=300) | xml.map(lambda text: envelope(text)) | xml.map(str.encode))
def test_whatever_comes_is_read_or_refused_and_never_crashes(data: bytes) -> None:
    for reader in READERS:
        with contextlib.suppress(WireError, wire.FaultError):
            reader(data)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_damaged_message_is_read_or_refused(data: st.DataObject) -> None:
    """DAT's own answer with some bytes of it changed, left out or doubled."""
    whole = bytearray(data.draw(st.sampled_from([message("getVehicleIdentificationByVin.response"), CARD])))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(whole) - 2))
        length = data.draw(st.integers(0, 60))
        whole[place : place + length] = data.draw(st.binary(max_size=20))
    with contextlib.suppress(WireError, wire.FaultError):
        wire.identification(bytes(whole))


CARD = fault("ECode not found &lt;additionalInformation>&lt;v:Vehicle>&lt;v:DatECode>1&lt;/v:DatECode>&lt;/v:Vehicle>")


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=60), st.text(max_size=60))
def test_a_fault_with_any_text_is_told_and_never_crashes(before: str, inside: str) -> None:
    from html import escape

    text = f"{before}<additionalInformation>{inside}</additionalInformation>"
    allowed = "".join(one for one in text if one.isprintable())
    try:
        wire.identification(fault(escape(allowed)))
    except wire.FaultError as error:
        assert error.fault.code == "Server.valueNotFound"
    except WireError:
        pass


@settings(deadline=None, max_examples=100)
@given(st.text(st.characters(min_codepoint=32, exclude_categories=("Cs",)), max_size=40))
def test_what_is_written_is_read_the_same(value: str) -> None:
    data = soap.envelope(
        wire.IDENTIFICATION, "getVehicleIdentificationByVin", [("vin", value), ("locale", {"a": value})]
    )
    try:
        request = soap.child(soap.body_of(data), "request")
    except WireError:
        assert any(ord(one) in range(0x7F) or ord(one) in (0xFFFE, 0xFFFF) for one in value)
        return
    assert soap.child(request, "vin").text in (value, None)
    assert soap.child(request, "locale").get("a") == value
