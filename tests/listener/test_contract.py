"""`docs/listener.openapi.yaml` is what the listener serves: each answer is one that it allows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from tests.support.daemon import running_daemon
from tests.support.lan import free_port, lan_text, program, registry
from tests.support.push_connector import NAME, lines, person
from tests.support.unix_http import Reply

DOCUMENT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / "docs/listener.openapi.yaml").read_text(encoding="utf-8")
)


def resolved(node: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in node:
        found: Any = DOCUMENT
        for part in str(node["$ref"]).removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def check(path: str, method: str, reply: Reply) -> None:
    """Raises AssertionError for an answer that the document doesn't allow."""
    responses = DOCUMENT["paths"][path][method]["responses"]
    assert str(reply.status) in responses, (path, reply.status)
    response = resolved(responses[str(reply.status)])
    for name, header in response.get("headers", {}).items():
        assert name.lower() in reply.headers or not header.get("required"), (reply.status, name)
    for kind, content in response.get("content", {}).items():
        assert reply.headers["content-type"] == kind
        schema = {**resolved(content["schema"]), "components": DOCUMENT["components"]}
        jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(json.loads(reply.content))


def test_the_document_is_openapi() -> None:
    import schemathesis

    schema = schemathesis.openapi.from_dict(DOCUMENT)
    assert {one.ok().method for one in schema.get_all_operations()} == {"get", "post"}


async def test_its_answers(tmp_path: Path) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        test, push, answer = "/push/{connector}", "/push/{connector}/{path}", "/push/{connector}/bodies/{id}"
        check(test, "get", await dms.send("GET", f"/push/{NAME}"))
        check(push, "post", await dms.push(lines(person(1))))
        taken = await dms.push(lines(person(2)), Prefer="respond-async")
        assert taken.status in (200, 202)
        check(push, "post", taken)
        check(push, "post", await dms.push(b"x" * (21 << 20)))
        check(push, "post", await dms.push(b"x"))
        check(push, "post", await dms.push(b"x", Content_Encoding="br"))
        check(push, "post", await dms.push(lines(person(1)), Origin="https://evil.example"))
        check(push, "post", await dms.push(lines(person(1)), Host="evil.example"))
        check(push, "post", await dms.send("PUT", f"/push/{NAME}/v1/people", b"x"))
        check(answer, "get", await dms.send("GET", f"/push/{NAME}/bodies/1"))
        check(answer, "get", await dms.send("GET", f"/push/{NAME}/bodies/99"))
        dms.token = "wtpd_wrong"
        for _ in range(12):
            check(push, "post", await dms.push(lines(person(1))))
            if (reply := await dms.send("GET", f"/push/{NAME}")).status == 429:
                check(test, "get", reply)
                break
        else:
            raise AssertionError("never slowed")
