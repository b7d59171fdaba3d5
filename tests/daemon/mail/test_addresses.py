"""Addresses as they go over the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wtpd.daemon.mail.addresses import BadAddress, domain_of, in_header, on_wire


@pytest.mark.parametrize(
    ("address", "wire"),
    [
        ("werkstatt@example.com", "werkstatt@example.com"),
        ("werkstatt@güstrow.example", "werkstatt@xn--gstrow-3ya.example"),
        ("Werkstatt@GÜSTROW.example", "Werkstatt@xn--gstrow-3ya.example"),
        ("wärkstatt@güstrow.example", "wärkstatt@xn--gstrow-3ya.example"),
        ("o'neil+x_y@a-b.example", "o'neil+x_y@a-b.example"),
    ],
)
def test_domains_are_written_in_ascii(address: str, wire: str) -> None:
    assert on_wire(address) == wire


@pytest.mark.parametrize(
    "address",
    [
        "", "@", "werkstatt", "@example.com", "werkstatt@", "a b@example.com", "a@b@", "a@example", "a@-x.example",
        "a@x..example", ".a@x.example", "a..b@x.example", "a.@x.example", "a@x.example\n",
        "a\r\nRCPT TO:<b@x.example>@y.de",
        "a<b@x.example", "a>@x.example", "a@x.example>", "a,b@x.example", "a\u202eb@x.example\x00", "a@\ud800.example",
        "a@" + "x" * 64 + ".example", "a" * 65 + "@x.example", "ä" * 40 + "@x.example", "a@[127.0.0.1]",
        "(x)a@x.example",
    ],
)  # fmt: skip
def test_what_no_server_could_take_is_refused_in_a_sentence(address: str) -> None:
    with pytest.raises(BadAddress) as caught:
        on_wire(address)
    assert "\n" not in str(caught.value)
    assert "\n" not in in_header(address)
    assert domain_of(address).isascii()


@given(st.text(max_size=80))
def test_whatever_it_is_it_is_an_address_or_a_sentence(text: str) -> None:
    for address in (text, f"{text}@x.example", f"a@{text}.example"):
        try:
            wire = on_wire(address)
        except BadAddress:
            continue
        local, _, domain = wire.rpartition("@")
        assert local
        assert domain.isascii()
        assert not set(wire) & set(" \r\n\t<>\x00")
