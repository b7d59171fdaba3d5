"""The demo's dealership passes the same checks as any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from wtpd.config.load import load
from wtpd.connectors import registry
from wtpd.demo.settings import SITES, STATUS_MAIL, Settings


@pytest.mark.parametrize("language", ["de", "en", "nl"])
def test_the_configuration_passes_and_connects_both_sites(tmp_path: Path, language: str) -> None:
    settings = Settings(folder=tmp_path, language=language, partner="http://127.0.0.1:1/superservice", mail_port=2525)
    config = load(settings.text(), manifests=registry.load().manifests.values()).config
    assert {site.id: site.partners["superservice"].dealer_number for site in config.sites} == SITES
    assert [site.status_mail for site in config.sites] == [STATUS_MAIL.format(site=site) for site in SITES]
    assert config.connectors["superservice"].address == settings.partner
    assert config.api.socket == str(settings.socket)
