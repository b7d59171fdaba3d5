from __future__ import annotations

from dataclasses import replace

from tests.support.push_connector import SECRET, SIGNATURE, lines, person, push_manifest, sign, signed_manifest
from wtpd.connectors.receiver import Head
from wtpd.testing import ReceiverContract

HEAD = Head(
    method="POST",
    path="/v1/people",
    headers={"content-type": "application/x-ndjson"},
    site="rostock",
    account="00123",
)


class TestLists(ReceiverContract):
    manifest = push_manifest

    def good(self) -> tuple[Head, bytes]:
        return HEAD, lines(person(1), person(2), person(3))

    def elsewhere(self) -> Head:
        return replace(HEAD, path="/v1/appointments")


class TestSignedLists(TestLists):
    manifest = signed_manifest()
    secrets = {"secret": SECRET}  # noqa: RUF012 - a test's constant

    def good(self) -> tuple[Head, bytes]:
        head, body = super().good()
        return replace(head, headers={**head.headers, SIGNATURE: sign(body)}), body
