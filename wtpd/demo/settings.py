"""The dealership of the demo: a configuration as `etc/wtpd.yaml`, with addresses and folders of the demo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SITES = {"rostock": "00123", "guestrow": "00456"}
"""The sites and their dealer numbers at SUPERSERVICE."""
DEPARTMENT = "Werkstatt"
"""The department that is connected; the body shop isn't."""
LOGIN = {"client_id": "demo-dms", "client_secret": "demo-secret"}
"""Credentials that the sandbox's SUPERSERVICE accepts."""
STATUS_MAIL = "status-{site}@autohaus.example"

_SITE = """\
  - id: {site}
    name: Autohaus {city}
    city: {city}
    country: DE
    region: MV
    language: {language}
    status_mail: {status_mail}
    brands: [NISSAN]
    departments:
      - id: Werkstatt
        capacity: {{mon: {units}, tue: {units}, wed: {units}, thu: {units}, fri: {units}, sat: 60}}
        load_limit: 80
        minutes_per_unit: 5
        drop_off:
          mon: [{{times: "07:30-17:00", slot_minutes: 15, places: 3}}]
          tue: [{{times: "07:30-17:00", slot_minutes: 15, places: 3}}]
          wed: [{{times: "07:30-17:00", slot_minutes: 15, places: 3}}]
          thu: [{{times: "07:30-17:00", slot_minutes: 15, places: 3}}]
          fri: [{{times: "07:30-17:00", slot_minutes: 15, places: 3}}]
      - id: Karosserie
        capacity: {{mon: 120, tue: 120, wed: 120, thu: 120, fri: 120}}
        minutes_per_unit: 6
    partners:
      superservice:
        department: Werkstatt
        dealer_number: "{dealer_number}"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the demo fills in. `language` is that of whoever looks at it."""

    folder: Path
    language: str
    partner: str
    """Address of the sandbox's SUPERSERVICE."""
    mail_port: int

    @property
    def socket(self) -> Path:
        return self.folder / "api.sock"

    def text(self) -> str:
        """The YAML file."""
        sites = "".join(
            _SITE.format(
                site=site,
                city=city,
                units=units,
                language=self.language,
                status_mail=STATUS_MAIL.format(site=site),
                dealer_number=SITES[site],
            )
            for site, city, units in (("rostock", "Rostock", 480), ("guestrow", "Güstrow", 360))
        )
        return f"""\
# The demo's dealership. Edit it while the demo runs (wtpd demo --serve): it is applied without a restart.
language: {self.language}
box: {{name: demo}}
data_dir: {self.folder / "data"}
modules: [online_booking]
mail:
  host: 127.0.0.1
  port: {self.mail_port}
  security: none
  sender: wtpd@autohaus.example
  alarm_after: 1s
api:
  socket: {self.socket}
connectors:
  superservice:
    address: {self.partner}
    interval: 1min
    long_poll: 20s
    burst: 100ms
    connect_timeout: 5s
    read_timeout: 15s
    total_timeout: 30s
sites:
{sites}"""
