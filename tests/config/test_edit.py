"""A change in the TUI leaves everything else in the file as people wrote it."""

from __future__ import annotations

import difflib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wtpd.config.edit import edit, unified
from wtpd.config.load import ConfigErrors, load
from wtpd.errors import Invalid

TEXT = """\
# Settings of our house   (do not delete)
language:   de      # the language
modules:   [online_booking ]

# --- sites ---
sites:
    - id: rostock   # hello
      name:    Autohaus   # the name
      status_mail: 'a@example.com'
      brands: [ NISSAN,RENAULT ]
      departments: &plan
          - id: Werkstatt
            capacity: {mon:  3, tue: 4}
            # about Saturdays

      partners:
          superservice:
              dealer_number:   "00123"   # from the contract

    # about the second
    - id: guestrow
      name: "Güstrow"
      departments: *plan
mail:
  host: x
  # port: 25
# end
"""


def changed(text: str, *changes: tuple[str, Any]) -> list[str]:
    """The lines that differ, as a diff shows them."""
    new = edit(text, changes)
    return [line for line in difflib.ndiff(text.splitlines(True), new.splitlines(True)) if line[0] in "+-"]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("language", "nl", ["- language:   de      # the language\n", "+ language: nl        # the language\n"]),
        (
            "sites.rostock.name",
            "Haus: 5",
            ["-       name:    Autohaus   # the name\n", '+       name: "Haus: 5"       # the name\n'],
        ),
        (
            "sites.rostock.status_mail",
            "b@example.com",
            ["-       status_mail: 'a@example.com'\n", "+       status_mail: 'b@example.com'\n"],
        ),
        (
            "sites.rostock.partners.superservice.dealer_number",
            "00124",
            [
                '-               dealer_number:   "00123"   # from the contract\n',
                '+               dealer_number: "00124"           # from the contract\n',
            ],
        ),
        ("sites.rostock.partners.superservice.department", "Werkstatt", ["+               department: Werkstatt\n"]),
        ("sites.rostock.brands", ["NISSAN"], ["-       brands: [ NISSAN,RENAULT ]\n", "+       brands: [NISSAN]\n"]),
        ("sites.guestrow.status_mail", "b@example.com", ["+       status_mail: b@example.com\n"]),
        ("sites.guestrow.postcode", "18273", ['+       postcode: "18273"\n']),
        ("sites.guestrow.country", "NO", ['+       country: "NO"\n']),
        ("mail.port", 25, ["+   port: 25\n"]),
        ("retention.runs", 5, ["+ retention:\n", "+   runs: 5\n"]),
        ("sites.rostock.brands", None, ["-       brands: [ NISSAN,RENAULT ]\n"]),
        ("sites.rostock.city", None, []),
        ("mail", None, ["- mail:\n", "-   host: x\n"]),
        (
            "sites.guestrow",
            None,
            ["-     - id: guestrow\n", '-       name: "Güstrow"\n', "-       departments: *plan\n"],
        ),
    ],
)
def test_one_change_touches_its_lines_only(path: str, value: object, expected: list[str]) -> None:
    assert sorted(changed(TEXT, (path, value))) == sorted(expected)


def test_a_new_setting_stands_above_the_comment_of_what_comes_next() -> None:
    new = edit(TEXT, [("sites.rostock.city", "Rostock")])
    assert new.index("city: Rostock") < new.index("# about the second")


def test_windows_line_ends_stay() -> None:
    new = edit(TEXT.replace("\n", "\r\n"), [("mail.port", 25), ("language", "nl")])
    assert new.replace("\r\n", "").count("\n") == 0
    assert load(new).config.mail.port == 25


def test_a_file_without_a_last_line_end_and_with_a_mark_stays_so() -> None:
    assert edit("\ufefflanguage: de", [("language", "nl")]) == "\ufefflanguage: nl"


def test_a_change_behind_an_alias_changes_that_site_only() -> None:
    for site, other in (("guestrow", "rostock"), ("rostock", "guestrow")):
        new = edit(TEXT, [(f"sites.{site}.departments.Werkstatt.load_limit", 80)])
        limits = {each.id: each.departments[0].load_limit for each in load(new).config.sites}
        assert limits == {site: 80, other: 100}
        assert "&plan" in new


def test_taking_out_what_an_alias_refers_to_keeps_the_rest() -> None:
    new = edit(TEXT, [("sites.rostock", None)])
    (site,) = load(new).config.sites
    assert site.departments[0].capacity == {"mon": 3, "tue": 4}
    assert "# Settings of our house   (do not delete)\nlanguage:   de      # the language" in new


def test_a_change_under_a_merge_key_is_an_own_value() -> None:
    text = "sites:\n  - &base {id: a, name: A, departments: [{id: X}]}\n  - <<: *base\n    id: b\n"
    new = edit(text, [("sites.b.departments.X.load_limit", 50), ("sites.b.name", "B")])
    first, second = load(new).config.sites
    assert (first.name, first.departments[0].load_limit) == ("A", 100)
    assert (second.name, second.departments[0].load_limit) == ("B", 50)
    with pytest.raises(Invalid, match="shared part"):
        edit(text, [("sites.b.departments", None)])


def test_a_new_site_and_several_changes_at_once() -> None:
    new = edit(
        TEXT, [("sites.wismar.name", "Wismar"), ("sites.wismar.brands", ["NISSAN", "DACIA"]), ("language", "en")]
    )
    site = load(new).config.sites[2]
    assert (site.id, site.name, site.brands) == ("wismar", "Wismar", ["NISSAN", "DACIA"])
    whole = edit(TEXT, [("sites.wismar", {"name": "Wismar", "postcode": "01234"})])
    assert load(whole).config.sites[2].postcode == "01234"


def test_lists_of_sections_are_reached_by_number_and_made() -> None:
    path = "sites.rostock.departments.Werkstatt.drop_off"
    new = edit(TEXT, [(path, {"mon": [{"times": "08:00-12:00"}]}), (f"{path}.mon.0.places", 4)])
    assert load(new).config.sites[0].departments[0].drop_off["mon"][0].places == 4


@pytest.mark.parametrize(
    "path", ["nonsense", "sites.rostock.nonsense", "language.de", "sites.rostock.name.x", "", "mail.0"]
)
def test_a_path_that_cannot_be(path: str) -> None:
    with pytest.raises(Invalid, match="there is no setting"):
        edit(TEXT, [(path, "x")])


def test_a_change_that_does_not_pass_is_refused_with_its_place_in_the_new_text() -> None:
    with pytest.raises(ConfigErrors) as caught:
        edit(TEXT, [("sites.guestrow.status_mail", "nobody")])
    assert str(caught.value.errors[0]).startswith('wtpd.yaml:24:20: status_mail "nobody" hasn\'t the right form')


def test_a_broken_file_can_be_mended_by_a_change_but_not_one_that_is_no_yaml() -> None:
    broken = TEXT.replace("host: x", "port: x")
    assert load(edit(broken, [("mail.port", 25)])).config.mail.port == 25
    with pytest.raises(ConfigErrors, match="bracket"):
        edit("modules: [x\n", [("language", "nl")])


def test_a_unified_diff() -> None:
    assert unified("a: 1\n", "a: 2\n") == "--- wtpd.yaml\n+++ wtpd.yaml\n@@ -1 +1 @@\n-a: 1\n+a: 2\n"
    assert unified("a: 1\n", "a: 1\n") == ""


LEAVES = {
    "language": st.sampled_from(["de", "en", "nl"]),
    "box.name": st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=20
    ),
    "mail.port": st.integers(1, 65535),
    "mail.show_names": st.booleans(),
    "sites.rostock.name": st.sampled_from(
        ["no", "1e3", "00123", "~", "a: b", "# x", "'", '"', "- x", "{", "é", "on", "="]
    ),
    "sites.rostock.postcode": st.from_regex(r"[0-9]{5}", fullmatch=True),
    "sites.guestrow.brands": st.lists(st.sampled_from(["NISSAN", "DACIA", "123"]), max_size=3),
    "sites.guestrow.departments.Werkstatt.load_limit": st.integers(1, 300),
}


@st.composite
def odd_spacing(draw: st.DrawFn) -> str:
    """The text as somebody else would have indented and commented it."""
    lines = []
    for line in TEXT.splitlines():
        if draw(st.integers(0, 6)) == 0 and not line.lstrip().startswith("-"):
            lines += draw(st.sampled_from([["# note"], [""], ["", "# note", ""]]))
        if draw(st.integers(0, 4)) == 0 and line.strip() and "#" not in line:
            line += draw(st.sampled_from(["  # why", "   ", " #"]))
        lines.append(line)
    return "\n".join(lines) + "\n"


@settings(deadline=None, max_examples=150)
@given(text=odd_spacing(), path=st.sampled_from(sorted(LEAVES)), data=st.data())
def test_editing_one_setting_changes_this_one_and_leaves_the_other_lines(
    text: str, path: str, data: st.DataObject
) -> None:
    value = data.draw(LEAVES[path])
    new = edit(text, [(path, value)])
    before, after = load(text), load(new)
    node: Any = after.config
    for step in path.split("."):
        node = next(each for each in node if each.id == step) if isinstance(node, list) else getattr(node, step)
    assert node == value
    if "departments" not in path:  # there the alias is written out
        old_lines, new_lines = text.splitlines(), new.splitlines()
        gone = [line for line in difflib.ndiff(old_lines, new_lines) if line[0] == "-"]
        assert len(gone) <= 1, gone
        comments = [line.strip() for line in old_lines if line.strip().startswith("#")]
        assert [line.strip() for line in new_lines if line.strip().startswith("#")] == comments
    assert {key for key in before.origins if not key.startswith(path)} <= set(after.origins)
