"""The example file works as it is, says everything there is to say, and editors know its schema."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.partners import MANIFESTS, PROVIDERS
from wtpd.config.channels import channels
from wtpd.config.edit import edit
from wtpd.config.kinds import Kinds
from wtpd.config.load import load
from wtpd.config.schema import schema
from wtpd.connectors.registry import load as registry

ETC = Path(__file__).parents[2] / "etc"
SCHEMA = schema(Kinds.of(registry().manifests.values()))
TEXT = (ETC / "wtpd.yaml").read_text(encoding="utf-8")


def test_it_passes_with_every_rule() -> None:
    config = load(TEXT, manifests=MANIFESTS, providers=PROVIDERS).config
    assert [(site.id, site.city) for site in config.sites] == [("rostock", "Rostock"), ("guestrow", "Güstrow")]
    ready = [channel.id for channel in channels(config, MANIFESTS) if channel.state == "ready"]
    assert ready == ["superservice/rostock", "superservice/guestrow"]


def keys(part: dict[str, Any], whole: dict[str, Any]) -> Iterator[str]:
    if "$ref" in part:
        part = whole["$defs"][part["$ref"].rsplit("/", 1)[1]]
    for key, inner in part.get("properties", {}).items():
        yield key
        yield from keys(inner, whole)
    for inner in (part.get("items"), part.get("additionalProperties")):
        if isinstance(inner, dict):
            yield from keys(inner, whole)


def test_every_key_of_the_schema_stands_in_it() -> None:
    written = set(re.findall(r"[\s{#]([a-z_]+):", "\n" + TEXT))
    assert set(keys(SCHEMA, SCHEMA)) - written - {"sun"} == set()


def test_its_first_line_names_the_schema_which_is_up_to_date() -> None:
    named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", TEXT.splitlines()[0])
    assert named
    assert json.loads((ETC / named[1]).read_text(encoding="utf-8")) == SCHEMA


def test_what_is_commented_out_passes_too() -> None:
    for line in re.findall(r"^ +# [a-z_]+: .*$", TEXT, flags=re.MULTILINE):
        load(TEXT.replace(line, line.replace("# ", "", 1)), manifests=MANIFESTS, providers=PROVIDERS)


def test_a_dealer_number_is_changed_in_one_line() -> None:
    new = edit(TEXT, [("sites.guestrow.partners.superservice.dealer_number", "00777")])
    assert new == TEXT.replace('"00124"', '"00777"')


def test_a_right_file_is_loaded_without_the_heavy_libraries() -> None:
    script = (
        "import sys\n"
        "from wtpd.config.load import load\n"
        f"load(open({str(ETC / 'wtpd.yaml')!r}, 'rb').read())\n"
        "print(sorted({'jsonschema_rs', 'ruamel', 'holidays', 'watchfiles', 'cryptography'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
