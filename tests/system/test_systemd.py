"""The service under a real systemd: started, reloaded, hung, killed, stopped; what it may do and who may ask."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.box import ROOTS, Box, box
from tests.support.confined import FLOOD, memory_max

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not ROOTS, reason="WTPD_BOX_ROOTS names no roots (tests/system/box make)"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("systemd"),
]

CONFIG = "/etc/wtpd/wtpd.yaml"
KEY = "/etc/credstore.encrypted/wtpd.key"
PEOPLE = """\
u boss - - / /bin/sh
u reader - - / /bin/sh
u stranger - - / /bin/sh
m boss wtpd-admin
m reader wtpd
"""
SANDBOX = """\
[Service]
ExecStart=/usr/bin/wtpd sandbox serve --port 8700 --state /run/sandbox
RuntimeDirectory=sandbox
"""


@pytest.fixture(scope="module", params=ROOTS, ids=lambda root: root.name)
def machine(request: pytest.FixtureRequest) -> Iterator[Box]:
    root: Path = request.param
    with box(root) as machine:
        machine.run("systemd-sysusers", "-", given=PEOPLE)
        machine.sh(f"mkdir -p /etc/credstore.encrypted; systemd-creds setup; head -c 32 /dev/urandom |"
                   f" systemd-creds encrypt --with-key=host --name=wtpd.key - {KEY}")  # fmt: skip
        machine.write("/run/systemd/system/sandbox.service", SANDBOX)
        machine.sh("systemctl daemon-reload; systemctl start sandbox")
        machine.sh(f"sed -i 's|# address: .*|address: http://127.0.0.1:8700/superservice|' {CONFIG}")
        yield machine


@pytest.fixture
def service(machine: Box) -> Box:
    """The running service."""
    machine.sh("systemctl reset-failed wtpd.service; systemctl start wtpd.socket wtpd.service")
    return machine


def credentials(machine: Box) -> None:
    fields = {"client_id": "sandbox", "client_secret": "sandbox-secret"}
    status, answer = machine.ask("PUT", "/v1/credentials/superservice/general", {"fields": fields})
    assert status == 200, answer


def healthy(machine: Box) -> bool:
    _, answer = machine.ask("GET", "/v1/status")
    return [channel["state"] for channel in answer["channels"]] == ["healthy", "healthy"]


@pytest.fixture
def connected(service: Box) -> Box:
    """The running service, both sites in contact with the partner."""
    credentials(service)
    service.until(lambda: healthy(service))
    return service


def test_it_is_up_when_start_returns_and_says_how_it_is(service: Box) -> None:
    assert service.show("ActiveState") == "active"
    assert service.ask("GET", "/v1/health") == (200, {"ok": True, "state": "ready"})
    service.until(lambda: "SUPERSERVICE" in service.show("StatusText"))
    [ready] = service.journal("-u", "wtpd", "MESSAGE_ID=6a1d2b7c0f3e4c559a346f2f0a9c1e01", "-n1")
    assert ready["SYSLOG_IDENTIFIER"] == "wtpd"
    assert "is ready after" in ready["MESSAGE"]


def test_it_can_do_next_to_nothing_but_its_work(service: Box) -> None:
    assert service.run("systemd-analyze", "verify", "--man=no", "wtpd.service", "wtpd.socket") == ""
    service.run("systemd-analyze", "security", "--threshold=15", "wtpd.service")
    status = service.sh(f"cat /proc/{service.pid}/status")
    assert "CapEff:\t0000000000000000" in status
    assert "Seccomp:\t2" in status
    assert "NoNewPrivs:\t1" in status
    assert service.sh(f"grep 'Max core' /proc/{service.pid}/limits").split()[4:6] == ["0", "0"]


def test_the_kernel_says_who_asks_and_the_groups_what_they_may(service: Box) -> None:
    assert service.sh("stat -c '%a %U %G' /run/wtpd/api.sock") == "660 wtpd wtpd"
    may = {
        user: (service.ask("GET", "/v1/appointments", user=user)[0],
               service.ask("POST", "/v1/customers", {"last_name": "Lübs"}, user=user)[0])
        for user in ("root", "boss", "reader", "stranger")
    }  # fmt: skip
    assert may == {"root": (200, 201), "boss": (200, 201), "reader": (200, 403), "stranger": (0, 0)}


def test_a_group_named_in_the_settings_is_let_in_at_once(service: Box) -> None:
    change = [{"path": "api.read_group", "value": "stranger"}]
    assert service.ask("PATCH", "/v1/config", change)[0] == 200
    assert service.ask("GET", "/v1/appointments", user="stranger")[0] == 200
    assert service.ask("GET", "/v1/appointments", user="reader")[0] == 0
    change[0]["value"] = "wtpd"
    assert service.ask("PATCH", "/v1/config", change)[0] == 200
    assert service.ask("GET", "/v1/appointments", user="stranger")[0] == 0


def test_a_sync_through_the_sandboxed_service_and_its_journal(service: Box) -> None:
    credentials(service)
    service.until(lambda: healthy(service))
    assert service.sh("ls /var/lib/wtpd/wtpd.key", check=False) == "", "the key is systemd's"
    booking = {"site": "rostock", "department": "Werkstatt", "drop_off": "2027-03-01T07:00:00Z",
               "collection": "2027-03-01T15:00:00Z"}  # fmt: skip
    assert service.ask("POST", "/v1/appointments", booking)[0] == 201
    status, answer = service.ask("POST", "/v1/connectors/superservice/sync", {"site": "rostock"})
    assert (status, answer["items"][0]["error"]) == (200, None)
    said = service.until(lambda: service.journal("CONNECTOR=superservice", "SITE=rostock", "STATE=healthy"))
    assert said[-1]["MESSAGE_ID"] == "6a1d2b7c0f3e4c559a346f2f0a9c1e05"
    service.until(lambda: service.journal("-u", "wtpd", "RUN=local") or service.journal("-u", "wtpd", "RUN=manual"))
    assert "sandbox-secret" not in str(service.journal("-u", "wtpd"))


def test_the_settings_are_rewritten_in_etc_and_noticed_when_edited(connected: Box) -> None:
    status, answer = connected.ask("PATCH", "/v1/config", [{"path": "mail.alarm_after", "value": "20min"}])
    assert status == 200, answer
    assert "alarm_after: 20min            # a failure that" in connected.sh(f"cat {CONFIG}")
    assert connected.sh(f"stat -c '%a %U %G' {CONFIG}; ls -A /etc/wtpd") == "644 wtpd wtpd\nwtpd.yaml"
    connected.sh(f"cp {CONFIG} /run/good; echo 'colour: red' >> {CONFIG}")
    connected.until(lambda: "wtpd.yaml" in connected.show("StatusText"))
    connected.sh(f"cp /run/good {CONFIG}.new; mv {CONFIG}.new {CONFIG}")  # as root, by rename
    connected.until(lambda: "wtpd.yaml" not in connected.show("StatusText"))
    assert connected.sh(f"stat -c '%a %U' {CONFIG}") == "644 root"
    status, answer = connected.ask("PATCH", "/v1/config", [{"path": "mail.alarm_after", "value": "15min"}])
    assert status == 200, "a file that root left there can be replaced, too"


def test_reload(connected: Box) -> None:
    before = connected.pid
    for edit, broken in ((f"echo 'colour: red' >> {CONFIG}", True), (f"sed -i /colour/d {CONFIG}", False)):
        connected.sh(f"{edit}; systemctl reload wtpd.service")
        if int(connected.run("systemctl", "--version").split()[1]) >= 254:
            assert ("colour" in connected.show("StatusText")) is broken, "told by the time that reload returns"
        connected.until(lambda: ("colour" in connected.show("StatusText")) is broken)  # noqa: B023 - called at once
    assert (connected.show("ActiveState"), connected.pid) == ("active", before)


BOOK = """\
import http.client, json, socket
class Local(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/run/wtpd/api.sock")
api, long = Local("wtpd"), "\\N{GRINNING FACE}" * 10_000
visit = {"site": "rostock", "department": "Werkstatt", "drop_off": "2027-03-05T07:00:00Z",
         "collection": "2027-03-05T15:00:00Z", "notes": long,
         "interventions": [{"title": "A", "description": long}] * 5}
for _ in range(100):
    query = "?allow_over_limit=true"
    api.request("POST", "/v1/appointments" + query, json.dumps(visit), {"content-type": "application/json"})
    answer = api.getresponse()
    assert answer.status == 201, answer.read()
    answer.read()
"""


def test_a_reader_can_exhaust_neither_its_memory_nor_its_places(service: Box) -> None:
    assert int(service.show("MemoryMax")) == memory_max()
    before, restarts = service.pid, service.show("NRestarts")
    service.run("python3", "-", given=BOOK)
    service.write("/run/flood.py", FLOOD)
    become = "setpriv --reuid=reader --regid=reader --init-groups"
    for kind in ("lists", "endless", "streams", "heads"):
        held = f"(sleep 5 | {become} python3 /run/flood.py /run/wtpd/api.sock {kind}) >/run/flooded 2>&1 &"
        service.sh(f"rm -f /run/flooded; {held}")
        service.until(lambda: service.sh("cat /run/flooded", check=False).strip().isdigit())
        assert service.ask("GET", "/v1/health")[0] == 200, kind
    assert (service.pid, service.show("NRestarts")) == (before, restarts), "the kernel killed nothing"


def test_after_a_kill_it_is_back_and_callers_only_waited(service: Box) -> None:
    before, restarts = service.pid, int(service.show("NRestarts"))
    service.run("kill", "-KILL", str(before))
    assert service.ask("GET", "/v1/health")[0] == 200, "systemd holds the socket; the call waits for the new daemon"
    assert int(service.show("NRestarts")) == restarts + 1
    assert service.pid not in (0, before)


def test_a_daemon_that_hangs_is_replaced_and_says_where_it_hung(service: Box) -> None:
    service.write("/run/systemd/system/wtpd.service.d/quick.conf", "[Service]\nWatchdogSec=2\n")
    service.sh("systemctl daemon-reload; systemctl restart wtpd.service")
    before = service.pid
    time.sleep(3)
    assert service.pid == before, "while it works it is left alone"
    service.run("kill", "-STOP", str(before))
    began = time.monotonic()
    service.until(lambda: service.pid not in (0, before) and service.show("ActiveState") == "active")
    assert time.monotonic() - began < 20
    assert service.ask("GET", "/v1/health")[0] == 200
    text = "\n".join(str(entry["MESSAGE"]) for entry in service.journal("-u", "wtpd"))
    assert "Watchdog timeout" in text
    assert "Fatal Python error: Aborted" in text
    service.sh("rm /run/systemd/system/wtpd.service.d/quick.conf; systemctl daemon-reload; systemctl restart wtpd")


def test_it_stops_in_time_while_a_partner_hangs(service: Box) -> None:
    credentials(service)
    service.until(lambda: healthy(service))
    service.run("systemctl", "kill", "--signal=STOP", "sandbox.service")
    booking = {"site": "rostock", "department": "Werkstatt", "drop_off": "2027-03-02T07:00:00Z",
               "collection": "2027-03-02T15:00:00Z"}  # fmt: skip
    assert service.ask("POST", "/v1/appointments", booking)[0] == 201
    began = time.monotonic()
    service.run("systemctl", "stop", "wtpd.service", "wtpd.socket")
    assert time.monotonic() - began < 10
    assert service.show("Result") == "success"
    service.run("systemctl", "kill", "--signal=CONT", "sandbox.service")


def test_a_stopped_service_stays_stopped(service: Box) -> None:
    for _ in range(3):
        service.sh("systemctl start wtpd.service")
        service.sh("systemctl stop wtpd.service")
        service.until(lambda: service.run("systemctl", "is-active", "wtpd.socket", check=False) == "inactive")
        assert service.ask("GET", "/v1/health")[0] == 0
        assert service.show("ActiveState") == "inactive", "asking doesn't start it"
    service.sh("systemctl start wtpd.service")
    assert service.run("systemctl", "is-active", "wtpd.socket") == "active"


def test_a_restart_and_a_crash_leave_the_socket_open(service: Box) -> None:
    def since() -> str:
        return service.run("systemctl", "show", "wtpd.socket", "--property", "ActiveEnterTimestampMonotonic")

    before = since()
    service.sh("systemctl restart wtpd.service")
    service.run("kill", "-KILL", str(service.pid))
    assert service.ask("GET", "/v1/health")[0] == 200
    assert since() == before


def key_problem(service: Box) -> str:
    problems = service.ask("GET", "/v1/status")[1]["problems"]
    return next((str(one["text"]) for one in problems if one["kind"] == "key"), "")


def test_a_key_of_another_machine_stops_nothing_but_the_credentials(connected: Box) -> None:
    connected.sh(f"systemctl stop wtpd; cp {KEY} /root/key; cp /var/lib/systemd/credential.secret /root/secret;"
               " rm /var/lib/systemd/credential.secret; systemd-creds setup;"
               f" head -c 32 /dev/urandom | systemd-creds encrypt --with-key=host --name=wtpd.key - {KEY};"
               " cp /root/secret /var/lib/systemd/credential.secret; systemctl start wtpd")  # fmt: skip
    assert connected.show("ActiveState") == "active", "it starts all the same"
    assert "can't be opened on this machine" in connected.until(lambda: key_problem(connected))
    channels = connected.ask("GET", "/v1/status")[1]["channels"]
    assert {one["state"] for one in channels} == {"retrying"}, "nobody was asked, so nobody refused"
    assert all("key" in one["reason"] for one in channels)
    assert connected.ask("POST", "/v1/customers", {"last_name": "Lübs"})[0] == 201
    assert connected.sh("ls /var/lib/wtpd/wtpd.key", check=False) == "", "no new key hides the old one"
    connected.sh(f"cp /root/key {KEY}; systemctl restart wtpd")
    connected.until(lambda: healthy(connected))
    assert not key_problem(connected)


def test_a_key_that_was_away_comes_back_and_all_goes_on(service: Box) -> None:
    credentials(service)
    service.until(lambda: healthy(service))
    service.sh(f"mv {KEY} /root/key; systemctl restart wtpd")
    assert KEY in service.until(lambda: key_problem(service))
    service.sh(f"mv /root/key {KEY}; systemctl restart wtpd")
    service.until(lambda: healthy(service))
    assert service.sh("ls -A /run/credstore") == "", "the opened key doesn't lie about"


def test_the_status_text_follows_what_makes_no_event(connected: Box) -> None:
    connected.sh(f"mv {KEY} /root/key; systemctl restart wtpd")
    connected.until(lambda: key_problem(connected))
    connected.until(lambda: "wtpd.key" in connected.show("StatusText"))
    connected.sh(f"mv /root/key {KEY}; systemctl restart wtpd")
    connected.until(lambda: "wtpd.key" not in connected.show("StatusText"))


def test_a_channel_without_an_address_is_said_in_the_journal(service: Box) -> None:
    service.sh(f"cp {CONFIG} /run/good; sed -i 's|    address: http|    # address: http|' {CONFIG};"
               " systemctl restart wtpd")  # fmt: skip
    try:
        [entry, *_] = service.until(lambda: service.journal("-u", "wtpd", "STATE=config_error"))
        assert entry["CONNECTOR"] == "superservice"
        assert "No address is set" in entry["MESSAGE"]
    finally:
        service.sh(f"cp /run/good {CONFIG}; systemctl restart wtpd")


ASK = """\
import socket, ssl
context = ssl.create_default_context(cafile="/var/lib/wtpd/listener/listener.pem")
with context.wrap_socket(socket.create_connection(("127.0.0.1", 8443)), server_hostname="127.0.0.1") as door:
    door.sendall(b"GET /push/carsys HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n\\r\\n")
    print(door.version(), door.recv(20))
"""


def test_the_door_on_the_local_network_opens_within_the_limits_of_the_unit(service: Box) -> None:
    service.sh(f"sed -i '/^listener:/,/^retention:/s/enabled: false/enabled: true/' {CONFIG}; systemctl reload wtpd")
    service.until(lambda: "port 8443" in service.sh("wtpd listener --lang en", check=False))
    assert "401" in service.run("python3", "-", given=ASK)
    assert service.sh("stat -c '%a %U' /var/lib/wtpd/listener/listener.key").strip() == "600 wtpd"
    service.sh(f"sed -i '/^listener:/,/^retention:/s/enabled: true/enabled: false/' {CONFIG}; systemctl reload wtpd")
    service.until(lambda: "is off" in service.sh("wtpd listener --lang en", check=False))


def test_the_socket_alone_starts_it(machine: Box) -> None:
    machine.sh("systemctl stop wtpd.service wtpd.socket; systemctl start wtpd.socket")
    assert machine.pid == 0
    assert machine.ask("GET", "/v1/health", user="reader") == (200, {"ok": True, "state": "ready"})
    assert machine.pid > 0


def test_a_file_without_any_good_version_is_said_in_the_journal(machine: Box) -> None:
    machine.sh(f"systemctl stop wtpd.service; mv /var/lib/wtpd /var/lib/kept; cp {CONFIG} /run/good;"
               f" echo 'language: klingon' > {CONFIG}")  # fmt: skip
    try:
        machine.sh("systemctl start wtpd.service", check=False)
        lines = [str(entry["MESSAGE"]) for entry in machine.journal("-u", "wtpd")]
        assert any("wtpd.yaml:1:11" in line and "klingon" in line for line in lines), lines[-10:]
    finally:
        machine.sh(f"systemctl stop wtpd.service; rm -rf /var/lib/wtpd; mv /var/lib/kept /var/lib/wtpd;"
                   f" cp /run/good {CONFIG}; systemctl reset-failed wtpd; systemctl start wtpd.service")  # fmt: skip
    assert machine.show("ActiveState") == "active"
