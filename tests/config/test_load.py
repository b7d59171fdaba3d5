"""Every error in a hand-written file is found at once, with its place and its cure."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.partners import MANIFESTS, PROVIDERS
from wtpd.config.errors import Place
from wtpd.config.load import ConfigErrors, Loaded, load


def errors(text: str | bytes) -> list[str]:
    """The errors as people read them, without the file's name."""
    with pytest.raises(ConfigErrors) as caught:
        load(text, manifests=MANIFESTS, providers=PROVIDERS)
    return [str(error).removeprefix("wtpd.yaml:") for error in caught.value.errors]


def site(line: str) -> str:
    return f"sites:\n  - id: rostock\n    name: Autohaus\n    {line}\n"


MAPPED = "status_mail: a@example.com\n    brands: [NISSAN]\n    "
"""What a site with a partner needs."""


def test_a_file_of_one_line_is_enough() -> None:
    loaded = load("language: nl")
    assert loaded.config.language == "nl"
    assert loaded.config.mail.port == 587
    assert loaded.origins == {"language": Place(1, 11)}


def test_the_sentence_of_the_specification() -> None:
    text = site(MAPPED + "partners: {superservice: {dealer_number: 00123}}")
    assert errors(text) == [
        '6:46: dealer_number 00123 must be quoted ("00123"): YAML reads it as the number 83',
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("name2: x", "4:5: unknown key name2; did you mean name?"),
        ("country: no", '4:14: country no must be quoted ("no"): YAML reads it as the truth value false'),
        ("city: on", '4:11: city on must be quoted ("on"): YAML reads it as the truth value true'),
        (
            "city: 2026-11-21",
            '4:11: city 2026-11-21 must be quoted ("2026-11-21"): YAML reads it as the date 2026-11-21',
        ),
        ("city: 1.10", '4:11: city 1.10 must be quoted ("1.10"): YAML reads it as the number 1.1'),
        ("postcode: 12:30", '4:15: postcode 12:30 must be quoted ("12:30"): YAML reads it as the number 750'),
        ("postcode: 1e3", '4:15: postcode 1e3 must be quoted ("1e3"): YAML reads it as the number 1000'),
        ("postcode: 00189", '4:15: postcode 00189 must be quoted ("00189"): YAML reads it as the number 189'),
        ("postcode: 0x1F", '4:15: postcode 0x1F must be quoted ("0x1F"): YAML reads it as the number 31'),
        (
            "postcode: 99999999999999999999999",
            "4:15: postcode 99999999999999999999999 must be quoted "
            '("99999999999999999999999"): YAML reads it as the number 99999999999999999999999',
        ),
        ("postcode: .inf", '4:15: postcode .inf must be quoted (".inf"): YAML reads it as the number inf'),
        ("city: ~", "4:11: city is empty: write a text, or take the line out"),
        ("city:", "4:10: city is empty: write a text, or take the line out"),
        ("city: [a]", "4:11: city is a text, not a list or a section"),
        ("brands: NISSAN", "4:13: brands is a list: its items stand below it, each behind -"),
        (
            "partners: [superservice]",
            "4:15: partners is a section: its settings stand below it, indented, as key: value",
        ),
        (
            "status_mail: foo",
            '4:18: status_mail "foo" hasn\'t the right form; right is, for example: werkstatt@example.com',
        ),
        ("language: deu", "4:15: language deu is unknown; did you mean de?"),
        ("language: klingon", "4:15: language klingon is unknown; possible: de, en, nl"),
        (
            "token: abc",
            "4:5: token belongs into the credential store, not into this file: take it out and enter it with "
            "`wtpd credential set PROVIDER`",
        ),
        ("time_zone: Europe/Berln", "4:16: time zone Europe/Berln is unknown; did you mean Europe/Berlin?"),
        (
            "region: XX",
            "4:13: region XX is unknown in DE; possible: BB, BE, BW, BY, HB, HE, HH, MV, NI, NW, RP, SH, SL, "
            "SN, ST, TH",
        ),
        ("name: again", "4:5: name stands here a second time; the first is in line 3"),
        ("no: 1", '4:5: no must be quoted ("no"): YAML reads it as the truth value false'),
        ("? [a]\n    : 1", "4:7: a key must be a word, not a list or a mapping"),
        (
            "city: !city Rostock",
            "4:11: the tag !city has no meaning here; take it out; a text that begins with ! is put in quotes",
        ),
        (
            'city: !!python/name:os.system ""',
            "4:11: the tag !!python/name:os.system has no meaning here; take it out; a text that "
            "begins with ! is put in quotes",
        ),
        ("<<: 3", "4:5: << needs a reference to a mapping, such as *plan"),
    ],
)
def test_one_wrong_line(line: str, expected: str) -> None:
    assert expected in errors(site(line))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("load_limit: 0150", "load_limit 0150: YAML reads it as 104; write that number plainly"),
        ("load_limit: 1:30", "load_limit 1:30: YAML reads it as 90; write that number plainly"),
        ('load_limit: "90"', "load_limit 90 isn't a whole number (without quotes)"),
        ("load_limit: 90%", "load_limit 90% isn't a whole number (without quotes)"),
        ("load_limit: 1.5", "load_limit 1.5 isn't a whole number (without quotes)"),
        ("capacity: {mon: .inf}", "mon .inf: YAML reads it as inf; write that number plainly"),
        ("capacity: {mon: -1}", "mon -1 is out of range: 0 to 100000"),
        ("load_limit: 2026-01-01", "load_limit 2026-01-01 isn't a whole number (without quotes)"),
        ("load_limit: 400", "load_limit 400 is out of range: 1 to 300"),
        ("closed_on_holidays: 1", "closed_on_holidays 1 is neither true nor false"),
        ("capacity: {Mo: 3}", "unknown key Mo; did you mean mon?"),
        ("capacity: {mon: many}", "mon many isn't a number (without quotes, with a point)"),
        (
            "drop_off: {mon: [{times: 12:30}]}",
            'times "12:30" hasn\'t the right form; right is, for example: 08:00-17:00',
        ),
        ("drop_off: {mon: [{}]}", "times is missing here"),
    ],
)
def test_one_wrong_line_of_a_department(line: str, expected: str) -> None:
    found = errors(site(f"departments:\n      - id: Werkstatt\n        {line}"))
    assert any(expected in error for error in found), found


def test_yes_and_no_are_fine_where_a_truth_value_is_wanted() -> None:
    assert load("mail: {show_names: yes}").config.mail.show_names is True


def test_all_errors_come_at_once_in_the_order_of_lines() -> None:
    found = errors(
        "sitess: []\n"
        "connectors:\n"
        "  superservice: {adress: x, interval: 5}\n"
        "  nobody: {}\n"
        "sites:\n"
        "  - {id: Rostock, name: 5}\n"
        "  - id: b\n    name: B\n    time_zone: Mars/Olympus\n    partners: {carloop: {dealer_number: '1'}}\n"
        "retention: {runs: 0}\n"
    )
    places = [tuple(int(part) for part in error.split(":")[:2]) for error in found]
    assert places == sorted(places)
    assert [line for line, _ in places] == [1, 3, 3, 4, 6, 6, 9, 10, 11]


def test_what_follows_from_an_error_is_not_complained_of() -> None:
    found = errors(site("status_mail: a@b.de\n    brands: NISSAN\n    partners: {superservice: {dealer_number: '1'}}"))
    assert len(found) == 1, found


@pytest.mark.parametrize(
    "key", ["password", "client_secret", "Passwort", "api_key", "wachtwoord", "user", "access-token"]
)
def test_a_secret_is_sent_where_it_belongs_and_not_repeated(key: str) -> None:
    (found,) = errors(f"connectors:\n  superservice:\n    {key}: hunter2\n")
    assert found.endswith("`wtpd credential set superservice`")
    assert "hunter2" not in found
    (mail,) = errors(f"mail:\n  {key}: hunter2\n")
    assert mail.endswith("`wtpd credential set email`")


def test_a_password_in_an_address_is_a_secret_too() -> None:
    (found,) = errors("connectors:\n  superservice:\n    address: https://user:hunter2@example.com\n")
    assert found.startswith("3:14: user:password@ belongs into the credential store")
    assert "hunter2" not in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: the file is empty; start from the example that came with wtpd"),
        ("# only a comment\n", "1:1: the file is empty; start from the example that came with wtpd"),
        ("- a\n", "1:1: the file is no list of settings (key: value)"),
        ("language: de\n\tmail: x\n", "2:1: indented with a tab; YAML wants spaces"),
        (
            "mail:\n  host: x\n port: 25\n",
            "3:2: this line doesn't fit to those above: check how far it is indented, and quotes and colons before it",
        ),
        ('box: {name: "x}\nlanguage: de\n', "1:13: the quotation mark that opens here is never closed"),
        (
            "modules: [online_booking\nlanguage: de\n",
            "1:10: the bracket [ that opens here isn't closed, or a comma is missing in it",
        ),
        ("box: {name: x\n", "1:6: the brace { that opens here isn't closed, or a comma is missing in it"),
        ("box: @home\n", "1:6: a text can't begin with @; put it in quotes"),
        (
            "box: a: b\n",
            "1:7: a colon too many here (put the text in quotes), wrong indentation, or no colon in the line above",
        ),
        (
            "language: de\n---\nlanguage: nl\n",
            '2:1: a second document begins here; take out the line "---" and put all in one',
        ),
        (
            "box: *nothing\n",
            "1:6: *nothing refers to nothing: no &nothing stands complete above it; a text that begins with * is put "
            "in quotes",
        ),
        (
            "box: &a [*a]\n",
            "1:10: *a refers to nothing: no &a stands complete above it; a text that begins with * is put in quotes",
        ),
        ("[" * 900, "1:42: nested more than 40 deep"),
        ("[" * 2000, "1:1001: nested more than 40 deep"),
        ("language: de\0\n", "1:13: the invisible character U+0000 stands here; take it out"),
        ("mail:\n  host: a\x1bb\n", "2:10: the invisible character U+001B stands here; take it out"),
        (
            'box: {name: "C:\\wtpd"}\n',
            '1:16: in "double quotes" a backslash is written twice (\\\\); or use single quotes',
        ),
    ],
)
def test_a_text_that_is_no_file_of_settings(text: str, expected: str) -> None:
    assert errors(text) == [expected]


def test_every_tab_is_named() -> None:
    found = errors("mail:\n\thost: x\nbox:\n\tname: y\n\t\n")
    assert found == ["2:1: indented with a tab; YAML wants spaces"]
    found = errors("mail:\n    host: x\n\tport: 25\n\tsender: a@b.de\n")
    assert found[0].startswith("3:1: indented with a tab")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            "box: {name: Büro}\n".encode("cp1252"),
            "1:14: this byte isn't UTF-8 (ü in Windows-1252?); save the file as UTF-8",
        ),
        ("language: de\n".encode("utf-16"), "1:1: the file is saved as UTF-16; save it as UTF-8"),
        (b"# " + b"x" * 500_000, "1:1: the file has 500002 bytes; 500000 are allowed"),
    ],
)
def test_bytes_that_are_no_text(data: bytes, expected: str) -> None:
    assert errors(data) == [expected]


def test_a_mark_of_windows_editors_is_no_error() -> None:
    assert load(b"\xef\xbb\xbflanguage: nl\r\n").config.language == "nl"


def test_a_few_lines_of_aliases_cannot_fill_the_memory() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{name}: &{name} [{','.join(['*' + before] * 10)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    (found,) = errors(bomb)
    assert found.endswith("more than 50000 entries, with what * repeats")


def test_anchors_and_merge_keys_may_be_used() -> None:
    loaded = load(
        "sites:\n"
        "  - &base {id: a, name: A, country: NL, time_zone: Europe/Amsterdam, departments: &plan [{id: X}]}\n"
        "  - {<<: *base, id: b, departments: *plan}\n"
    )
    first, second = loaded.config.sites
    assert (second.id, second.country, second.departments) == ("b", "NL", first.departments)


def test_an_error_behind_an_anchor_is_told_once() -> None:
    assert (
        len(
            errors(
                "sites:\n  - {id: a, name: A, departments: &p [{load_limit: 0}]}\n"
                "  - {id: b, name: B, departments: *p}\n"
            )
        )
        == 1
    )


def test_a_section_with_nothing_below_is_not_there() -> None:
    loaded = load("mail:\n  # host: x\nconnectors:\nsites:\nlanguage: nl\n")
    assert loaded.config.mail.port == 587
    assert "mail" not in loaded.origins


def test_errors_name_the_setting_for_machines() -> None:
    with pytest.raises(ConfigErrors) as caught:
        load(site(MAPPED + "partners: {superservice: {dealer_number: 00123}}"))
    assert [problem.field for problem in caught.value.problems] == ["sites.rostock.partners.superservice.dealer_number"]


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet=st.sampled_from(list("ab:-[]{}#&*!|>'\"%@`,? \n\t\\0123x~")), max_size=60))
def test_whatever_is_typed_gives_settings_or_errors_with_a_place(text: str) -> None:
    try:
        assert isinstance(load(text), Loaded)
    except ConfigErrors as errors:
        lines = text.count("\n") + 1
        assert all(1 <= error.place.line <= lines + 1 and error.place.column >= 1 for error in errors.errors)
        errors.render("de")


@settings(deadline=None, max_examples=100)
@given(st.text(alphabet="0123456789.eE_:-+xobnytrufalsNYTF~", min_size=1, max_size=8))
def test_a_dealer_number_arrives_as_written_or_is_refused(written: str) -> None:
    try:
        loaded = load(site(f"status_mail: a@b.de\n    partners: {{carloop: {{dealer_number: {written} }}}}"))
    except ConfigErrors:
        return
    assert loaded.config.sites[0].partners["carloop"].dealer_number == written
    assert not written.isdecimal()
