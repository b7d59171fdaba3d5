"""SOAP 1.1 by lxml: envelopes out, bodies in, read so that no message can hurt (docs/adr/0030). Pure.

What is read holds no document type, so no entity either, and nothing is ever fetched. Size, number of elements and
depth (libxml2's 256) are limited. Elements are known by their local names: prefixes are the sender's choice. Reading
raises `WireError` only.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from wtpd.connectors.kit.values import WireError

NAMESPACE = "http://schemas.xmlsoap.org/soap/envelope/"
SIZE_LIMIT = 4_000_000
"""Characters of a message."""
MARKUP_LIMIT = 100_000
"""Tags of a message; each costs memory many times its length."""
_PIECE = 1 << 16
TEXT_LIMIT = 1000

Element = Any
"""An element of lxml, which has no types."""
Take = Callable[[Element], None]
Part = tuple[str, "str | Mapping[str, str] | Sequence[Part]"]
"""An element to be written: its name, and its text, its attributes, or the parts in it."""

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_ENCODINGS = {
    "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "ascii", "utf-16": "utf-16", "iso-8859-1": "latin-1",
    "iso-8859-15": "iso8859-15", "windows-1252": "cp1252",
}  # fmt: skip
_DECLARED = re.compile(rb"<\?xml\s[^>]{0,100}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_PROLOG = re.compile(r"(?:\s|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_PREFIXES = re.compile(r"</?([A-Za-z_][\w.-]*):[\w.-]|\s([A-Za-z_][\w.-]*):[\w.-]+\s*=")


def envelope(namespace: str, operation: str, request: Sequence[Part]) -> bytes:
    """A call of `operation` in `namespace`, whose one argument is the element `request` without a namespace."""
    return enclosed(f'<op:{operation} xmlns:op="{namespace}">{written(("request", request))}</op:{operation}>')


def enclosed(body: str) -> bytes:
    """`body`, which is XML already, in an envelope."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<soapenv:Envelope xmlns:soapenv="{NAMESPACE}"><soapenv:Header/>'
        f"<soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
    ).encode()


def written(part: Part) -> str:
    """A part as XML."""
    name, content = part
    if isinstance(content, str):
        return f"<{name}>{escape(content)}</{name}>"
    if isinstance(content, Mapping):
        attributes = "".join(f' {key}="{escape(value)}"' for key, value in content.items())
        return f"<{name}{attributes}/>"
    return f"<{name}>{''.join(map(written, content))}</{name}>"


def body_of(data: bytes, charset: str | None = None, scale: int = 1, each: tuple[str, Take] | None = None) -> Element:
    """The first element in the envelope's body. `charset` is that of the HTTP header, if it names one; `scale` raises
    the limits. `each`: a local name, and a function that gets each such element once it is read, after which the
    element is emptied: so a large message never stands in memory as a whole."""
    root = parsed(_decoded(data, charset, scale), scale, each)
    if root.tag != f"{{{NAMESPACE}}}Envelope":
        raise WireError("not a SOAP 1.1 envelope")
    body = next((one for one in children(root) if one.tag == f"{{{NAMESPACE}}}Body"), None)
    first = None if body is None else next(children(body), None)
    if first is None:
        raise WireError("the envelope has no body")
    return first


def is_fault(element: Element) -> bool:
    return bool(element.tag == f"{{{NAMESPACE}}}Fault")


def parsed(text: str, scale: int = 1, each: tuple[str, Take] | None = None) -> Element:
    """The root of a whole document; `each` as for `body_of`."""
    from lxml import etree

    if len(text) > scale * SIZE_LIMIT or text.count("<") > scale * MARKUP_LIMIT:
        raise WireError("the message is too large")
    prolog = _PROLOG.match(text)
    if text.startswith("<!", prolog.end() if prolog else 0):
        raise WireError("the message declares a document type")
    name, take = each or ("-", None)
    parser = etree.XMLPullParser(
        events=("end",),
        tag=f"{{*}}{name}",
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        for start in range(0, len(text), _PIECE):  # no second copy of a large text
            parser.feed(text[start : start + _PIECE].encode())
            for _, element in parser.read_events():
                if take is not None:
                    take(element)
                    element.clear()
        root = parser.close()
    except (etree.LxmlError, ValueError) as error:
        raise WireError(f"not well-formed XML: {type(error).__name__}") from None  # its text may quote the message
    if root.getroottree().docinfo.internalDTD is not None:
        raise WireError("the message declares a document type")
    return root


def fragment(markup: str) -> Element:
    """An element around a piece of XML out of a text. Its prefixes may have been declared where it was cut out; then
    they stand for anything."""
    prefixes = {first or second for first, second in _PREFIXES.findall(markup)} - {"xml", "xmlns"}
    declared = "".join(f' xmlns:{prefix}="urn:prefix:{prefix}"' for prefix in sorted(prefixes))
    return parsed(f"<fragment{declared}>{markup}</fragment>")


def children(element: Element, name: str | None = None) -> Iterator[Element]:
    """Those with that local name, or all."""
    for one in element:
        if isinstance(one.tag, str) and name in (None, local(one)):
            yield one


def descendants(element: Element, name: str) -> Iterator[Element]:
    """All below `element` with that local name, in the order of the document."""
    for one in element.iter():
        if one is not element and isinstance(one.tag, str) and local(one) == name:
            yield one


def child(element: Element, name: str) -> Element | None:
    return next(children(element, name), None)


def local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def text(element: Element, name: str, limit: int = TEXT_LIMIT) -> str:
    """The text of the child `name` without blanks around, cut at `limit`; "" if there is none."""
    found = child(element, name)
    return "" if found is None else (found.text or "").strip()[:limit]


def whole_text(element: Element) -> str:
    """All text in the element, its children's too."""
    return "".join(element.itertext())


def number(element: Element, name: str) -> int | None:
    """The child `name` as a whole number from 0; None if it isn't one."""
    found = text(element, name, 32)
    return int(found) if found.isascii() and found.isdigit() and len(found) < 16 else None


def _decoded(data: bytes, charset: str | None, scale: int) -> str:
    """By the byte order mark, else the HTTP header, else the XML declaration (RFC 7303, 3)."""
    if len(data) > 4 * scale * SIZE_LIMIT:
        raise WireError("the message is too large")
    name = next((name for bom, name in _BOMS if data.startswith(bom)), None)
    if name is None:
        declared = _DECLARED.match(data.lstrip())
        said = charset or (declared[1].decode() if declared else "utf-8")
        name = _ENCODINGS.get(said.strip("\"' ").lower())
        if name is None:
            raise WireError("the message is in an encoding that isn't expected")
    try:
        return data.decode(name).removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise WireError(f"the message isn't in {name}") from None
