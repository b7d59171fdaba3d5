"""The suite for connectors whose partner sends by itself. It needs no sandbox: a receiver does no I/O."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from typing import ClassVar

import pytest

from wtpd.connectors.manifest import Manifest
from wtpd.connectors.receiver import Head, Item, ItemResult, Receiver, Reply, Result, Summary, Unreadable
from wtpd.planner.customer import Customer
from wtpd.planner.vehicle import Vehicle
from wtpd.testing.sandbox import access_to

NOISE = [
    b"", b"\n\n\n", b"\x00" * 1000, b"\xff\xfe\x80", b"{", b"[]\n", b"null\n", b'"x"\n', b"1e999\n", b"{}\n",
    b"[" * 100_000, b'{"id":' * 50_000, b"<" * 10_000, b"<a/>", "{\"id\": \"\ud800\"}".encode("utf-8", "surrogatepass"),
]  # fmt: skip


class NotingBook:
    """A book that answers `result` to everything and notes the keys that it was given."""

    def __init__(self, result: Result = "accepted") -> None:
        self._result: Result = result
        self.kept: list[str] = []

    def customer(self, partner_id: str, customer: Customer, *, company: str = "") -> Result:
        self.kept.append(partner_id)
        return self._result

    def vehicle(
        self, partner_id: str, vehicle: Vehicle, *, company: str = "", people: Mapping[str, str] | None = None
    ) -> Result:
        self.kept.append(partner_id)
        return self._result


class ReceiverContract(ABC):
    """`secrets`: fields of the credential by which the bodies of `good` are signed, if they are."""

    manifest: ClassVar[Manifest]
    secrets: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def good(self) -> tuple[Head, bytes]:
        """Return a request with at least two items that can be applied."""

    @abstractmethod
    def elsewhere(self) -> Head:
        """Return the head of a request that the connector doesn't take."""

    @pytest.fixture
    def receiver(self) -> Receiver:
        assert self.manifest.receives is not None
        return self.manifest.receives(access_to(self.manifest, "http://127.0.0.1:9", self.secrets))

    def test_it_takes_what_is_its_own_only(self, receiver: Receiver) -> None:
        assert receiver.check(self.good()[0]) is None
        refused = receiver.check(self.elsewhere())
        assert isinstance(refused, Reply)
        assert 400 <= refused.status < 500

    def test_a_signature_is_over_the_bytes_as_they_came(self, receiver: Receiver) -> None:
        head, body = self.good()
        if not receiver.signed_by:
            pytest.skip("its bodies aren't signed")
        assert all(name == name.lower() for name in receiver.signed_by)
        assert self._is_good(receiver, head, body)
        assert not self._is_good(receiver, head, body + b" ")
        assert not self._is_good(receiver, head, body[:-1] + bytes([body[-1] ^ 1]))
        unsigned = replace(head, headers={k: v for k, v in head.headers.items() if k not in receiver.signed_by})
        assert not self._is_good(receiver, unsigned, body)
        for name in receiver.signed_by:
            for odd in ("", "x", "ü", "0" * 4096):
                assert not self._is_good(receiver, replace(head, headers={**head.headers, name: odd}), body)

    def _is_good(self, receiver: Receiver, head: Head, body: bytes) -> bool:
        found = receiver.signature(head, self.secrets)
        if found is None:
            return False
        for start in range(0, len(body), 7):
            found.feed(body[start : start + 7])
        return found.is_good()

    def test_the_same_bytes_have_the_same_items(self, receiver: Receiver) -> None:
        """A body is read again after a crash."""
        head, body = self.good()
        first = list(receiver.items(head, BytesIO(body)))
        assert len([one for one in first if isinstance(one, Item)]) >= 2
        assert list(receiver.items(head, BytesIO(body))) == first

    @pytest.mark.parametrize("noise", NOISE, ids=range(len(NOISE)))
    def test_whatever_comes_is_read_or_unreadable(self, receiver: Receiver, noise: bytes) -> None:
        self._read(receiver, noise)

    def test_a_body_that_ends_early_is_read_or_unreadable(self, receiver: Receiver) -> None:
        _, body = self.good()
        for end in range(0, len(body), max(1, len(body) // 50)):
            self._read(receiver, body[:end])

    def _read(self, receiver: Receiver, body: bytes) -> None:
        try:
            for one in receiver.items(self.good()[0], BytesIO(body)):
                assert isinstance(one, Item | ItemResult)
        except Unreadable as error:
            assert 400 <= error.status < 500
            assert str(error.reason)

    @pytest.mark.parametrize("result", ["accepted", "unchanged"])
    def test_each_item_is_brought_into_the_book(self, receiver: Receiver, result: Result) -> None:
        head, body = self.good()
        book = NotingBook(result)
        items = [one for one in receiver.items(head, BytesIO(body)) if isinstance(one, Item)]
        results = [receiver.apply(book, head, item) for item in items]
        assert {one.result for one in results} == {result}
        assert [one.key for one in results] == [item.key for item in items]
        assert book.kept

    def test_the_answer_can_be_worded_whatever_came_of_the_items(self, receiver: Receiver) -> None:
        head, _ = self.good()
        failed = ItemResult(key="ü–\u202e<1>", result="quarantined", reason="no_id", field="id")
        for summary in (
            Summary(received=0, accepted=0, unchanged=0, quarantined=0),
            Summary(received=3, accepted=1, unchanged=1, quarantined=1, items=(failed,)),
        ):
            answer = receiver.answer(head, summary)
            assert 200 <= answer.status < 300
            assert isinstance(answer.content, bytes)
