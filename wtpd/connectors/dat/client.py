"""The calls to DAT that wtpd makes, and the tokens they need. Raises the errors of `wtpd.channel.errors`.

DAT gives a token for any login, a wrong one too: only the call made with it fails, in the same way as for a login
without a licence for the product. So a login counts as refused at a product once a call with a fresh token was.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from wtpd.channel.errors import NeedsToken, PartnerBroken, PartnerError, Rejected, TooLarge, Transient
from wtpd.connectors.dat import wire
from wtpd.connectors.dat.products import DATECODE, FINANCE, Product
from wtpd.connectors.dat.values import Identification, Locale, Login, Valuation
from wtpd.connectors.kit.http import Answer, PartnerHttp
from wtpd.connectors.kit.values import WireError
from wtpd.connectors.manifest import Verified
from wtpd.texts import N_, Text
from wtpd.vehicle_data.ports import Before, UnreadAnswer
from wtpd.vehicle_data.records import Evaluation, Restriction

_log = logging.getLogger(__name__)

T = TypeVar("T")

TOKEN_LIFE = 30 * 60.0
EARLY = 120.0
"""Seconds before its end at which a token is made anew."""
REFUSED_FOR = 300.0
"""Seconds for which a login that was refused isn't tried again by itself: partners lock accounts."""
KEPT = 64
ANSWER_LIMIT = 64 * 1024 * 1024
"""Bytes of an answer: 200 dossiers of the largest kind that DAT documents have 22 million."""

_XML = {"Content-Type": "text/xml; charset=utf-8", "Accept": "text/xml", "SOAPAction": '""'}
_ANSWERED = (200, 500)
"""SOAP 1.1 faults come with 500."""

Read = Callable[[bytes, str | None], T]


@dataclass(frozen=True, slots=True)
class _Held:
    token: str
    renew_at: float


@dataclass(frozen=True, slots=True)
class _Refused:
    until: float
    said: str


class Tokens:
    """Keeps the tokens by product and login; many callers in need of one cause one request."""

    def __init__(self, http: PartnerHttp, monotonic: Callable[[], float]) -> None:
        self._http = http
        self._monotonic = monotonic
        self._held: dict[tuple[Product, Login], _Held] = {}
        self._refused: dict[tuple[Product, Login], _Refused] = {}
        self._lock = asyncio.Lock()

    async def get(self, product: Product, login: Login) -> tuple[str, bool]:
        """A token, and whether it was made just now. Raises `NeedsToken` for a login that was refused lately."""
        async with self._lock:
            now = self._monotonic()
            refused = self._refused.get((product, login))
            if refused is not None and now < refused.until:
                raise NeedsToken(
                    f"{refused.said}; DAT refused this login a moment ago, it is tried again after some minutes",
                    reason=_refused_text(product, login, refused.said),
                )
            held = self._held.get((product, login))
            if held is not None and now < held.renew_at:
                return held.token, False
            return await self._fetch(product, login, now), True

    def drop(self, product: Product, login: Login, token: str) -> None:
        """DAT doesn't take this token any more."""
        held = self._held.get((product, login))
        if held is not None and held.token == token:
            del self._held[product, login]

    def refuse(self, product: Product, login: Login, said: str) -> None:
        """A call with a fresh token was refused: the login is wrong, or has no licence for the product."""
        self._cut(self._refused)
        self._refused[product, login] = _Refused(self._monotonic() + REFUSED_FOR, said)

    def forgive(self, login: Login) -> None:
        """Somebody asks for it to be tried now."""
        for refused in [refused for refused in self._refused if refused[1] == login]:
            del self._refused[refused]
        for known in [known for known in self._held if known[1] == login]:
            del self._held[known]

    async def _fetch(self, product: Product, login: Login, now: float) -> str:
        content = await asyncio.to_thread(wire.token_request, login, product.variant)
        path = product.path(product.authentication)
        answer = await self._http.request("POST", path, content=content, raw=_ANSWERED, headers=_XML)
        try:
            token = await _read(answer, wire.token, "generateToken")
        except wire.FaultError as error:
            raise _refusal("generateToken", error, answer, product, login, "") from None
        self._cut(self._held)
        self._held[product, login] = _Held(token, now + TOKEN_LIFE - EARLY)
        return token

    @staticmethod
    def _cut(kept: dict[Any, Any]) -> None:
        while len(kept) >= KEPT:
            kept.pop(next(iter(kept)))


class Dat:
    """`product` is the one whose services identify vehicles, `valuation` the one that values them."""

    def __init__(
        self,
        http: PartnerHttp,
        product: Product = DATECODE,
        *,
        valuation: Product = FINANCE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._product = product
        self._valuation = valuation
        self._tokens = Tokens(http, monotonic)

    async def identify(
        self, login: Login, vin: str, locale: Locale, *, restriction: Restriction = "ALL", before: Before
    ) -> Identification:
        """The vehicles that DAT takes the VIN for. Costs money, whatever comes back; `before` is asked first. Raises
        `UnreadAnswer` for an answer that can't be read."""
        content = wire.identification_request(vin, locale, restriction)
        call = _Call(self._product, "VehicleIdentificationService", "getVehicleIdentificationByVin", content)
        try:
            return await self._call(login, call, wire.identification, before)
        except TooLarge as error:
            raise UnreadAnswer(str(error), b"", None) from None

    async def evaluate(self, login: Login, vehicle: Valuation, locale: Locale) -> Evaluation:
        """What the vehicle is worth today."""
        call = _Call(self._valuation, "Evaluation", "getVehicleEvaluation", wire.evaluation_request(vehicle, locale))
        return await self._call(login, call, wire.evaluation)

    async def is_wrong(
        self, login: Login, locale: Locale, *, refused_for: Literal["identification", "valuation"]
    ) -> bool:
        """Whether a login that one product refused is refused by the other one, too, by a call that costs nothing; if
        it isn't, only the licence for the product is missing. False if the other one can't be asked now."""
        other = self._valuation if refused_for == "identification" else self._product
        if other == (self._product if refused_for == "identification" else self._valuation):
            return True
        try:
            await self._call(login, _types(other, locale), wire.vehicle_types)
        except NeedsToken:
            return True
        except PartnerError as error:
            _log.info("DAT, %s: whether the login is right isn't known: %s", other.name, error)
        return False

    async def verify(self, login: Login, locale: Locale) -> Verified:
        """Make a token, and with it a call that costs nothing and tells nothing of customers: the list of vehicle
        types. Without that call nothing would be known: a token is given out for a wrong login, too."""
        self._tokens.forgive(login)
        types = await self._call(login, _types(self._product, locale), wire.vehicle_types)
        return Verified(
            account=login.customer_number,
            name=f"DAT, {self._product.name}",
            facts={"getVehicleTypes": ", ".join(types)},
            note=N_(
                "A token was made, and with it the list of vehicle types was fetched (getVehicleTypes), which costs "
                "nothing: DAT gives a token for a wrong password, too, and refuses only the next call."
            ),
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def _call(self, login: Login, call: _Call, read: Read[T], before: Before | None = None) -> T:
        """With a token; one from before that DAT no longer takes is replaced once."""
        while True:
            token, is_fresh = await self._tokens.get(call.product, login)
            if before is not None:
                await before()
            try:
                return await self._once(login, call, token, read)
            except NeedsToken as error:
                self._tokens.drop(call.product, login, token)
                if is_fresh:
                    self._tokens.refuse(call.product, login, str(error))
                    raise

    async def _once(self, login: Login, call: _Call, token: str, read: Read[T]) -> T:
        headers = {**_XML, "DAT-AuthorizationToken": token}
        if call.product.variant is not None:
            headers["DAT-ProductVariant"] = call.product.variant
        answer = await self._http.request(
            "POST", call.product.path(call.service), content=call.content, raw=_ANSWERED, headers=headers
        )
        try:
            return await _read(answer, read, call.operation)
        except wire.FaultError as error:
            raise _refusal(call.operation, error, answer, call.product, login, token) from None


@dataclass(frozen=True, slots=True)
class _Call:
    product: Product
    service: str
    operation: str
    content: bytes


def _types(product: Product, locale: Locale) -> _Call:
    return _Call(product, "VehicleSelectionService", "getVehicleTypes", wire.types_request(locale))


_LABELS = {
    "customer_number": N_("Customer number"),
    "user_name": N_("User name"),
    "password": N_("Password"),
}


def login_of(fields: Mapping[str, str]) -> Login:
    """From the fields of the credential store. Raises `NeedsToken` if one is missing."""
    signature = fields.get("interface_partner_signature", "")
    try:
        return Login(
            customer_number=fields["customer_number"],
            user_name=fields["user_name"],
            password=fields["password"],
            partner_number=fields.get("interface_partner_number") or fields["customer_number"],
            signature=signature or fields["signature"],
            is_partner=bool(signature),
        )
    except KeyError as error:
        raise NeedsToken(
            f"DAT needs {error.args[0]}",
            reason=N_(
                "The entry for {partner} lacks {field}.",
                partner="DAT",
                field=_LABELS.get(error.args[0], error.args[0]),
            ),
        ) from None


async def _read(answer: Answer, read: Read[T], operation: str) -> T:
    """The answer's content as a value; XML is read in a thread, where lxml is also loaded at the first time."""
    charset = _charset(answer.headers.get("content-type", ""))
    try:
        return await asyncio.to_thread(read, answer.content, charset)
    except WireError as error:
        if b"Envelope" in answer.content[:4096].replace(b"\0", b""):  # DAT's, in whatever encoding
            raise UnreadAnswer(f"{operation}: {error}", answer.content, charset) from None
        if answer.status != 200:  # a page of some gateway, not a fault
            raise Transient(f"{operation}: {answer.status}", status=answer.status) from None
        raise PartnerBroken(f"{operation}: {error}", status=answer.status) from None


def _charset(content_type: str) -> str | None:
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "charset":
            return value
    return None


def _refusal(
    operation: str, error: wire.FaultError, answer: Answer, product: Product, login: Login, token: str
) -> NeedsToken | Rejected:
    """A fault as one of our errors: by its code, never by its text, which is shown without what is secret."""
    said = wire.shown(error.fault)
    for secret in sorted((login.password, login.signature, token), key=len, reverse=True):
        if len(secret) >= 4:
            said = said.replace(secret, "…")
    if wire.is_code(error.fault, wire.AUTHORIZATION_FAILED):
        message = f"{operation}: {said}"
        return NeedsToken(message, status=answer.status, reason=_refused_text(product, login, message))
    return Rejected(f"{operation}: {said}", status=answer.status, detail=said)


def _refused_text(product: Product, login: Login, said: str) -> Text:
    """For people: DAT's words, and what they may mean."""
    if login.is_partner:
        return N_(
            "DAT refuses the login for {product} ({said}). It is wrong, or has no licence for this product.",
            product=product.name, said=said,
        )  # fmt: skip
    return N_(
        "DAT refuses the login for {product} ({said}). It is wrong, or has no licence for this product, or DAT wants "
        "the interface partner number and signature that it mailed to the maker of the software: none is entered, so "
        "the customer's own were sent.",
        product=product.name, said=said,
    )  # fmt: skip
