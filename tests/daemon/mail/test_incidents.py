"""When a status mail is written, and when not: the decision alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wtpd.daemon.mail.incidents import (
    KINDS,
    REMINDERS,
    Act,
    Finding,
    Rules,
    Verdict,
    bundles,
    held,
    judge,
    mailed,
    room_at,
)
from wtpd.store.mail import Incident

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RULES = Rules()


def failing(since: datetime = START, *, news: int = 1, urgent: bool = False, known: bool = True) -> Finding:
    return Finding(
        site="rostock",
        kind="channel",
        subject="superservice/rostock",
        since=since,
        facts={"state": "failing", "title": "SUPERSERVICE"},
        news=news,
        urgent=urgent,
        known=known,
    )


def conflicts(news: int = 1, since: datetime = START) -> Finding:
    return Finding(site="rostock", kind="conflict", subject="conflict", since=since, facts={"count": 1}, news=news)


class Story:
    """Looks at one trouble over time, and remembers what was mailed when (minutes from the start)."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.rules = rules
        self.incident: Incident | None = None
        self.acts: list[tuple[int, Act]] = []
        self.threads: list[list[Act]] = [[]]

    def look(self, minute: int, trouble: Finding | None) -> Verdict | None:
        now = START + minute * MINUTE
        verdict = judge(self.incident, trouble, now, self.rules)
        if verdict is None:
            return None
        incident = verdict.incident
        if verdict.act:
            self.acts.append((minute, verdict.act))
            self.threads[-1].append(verdict.act)
            incident = mailed(verdict, now, f"<{minute}@x>")
        self.incident = None if incident.closed_at else incident
        if incident.closed_at:
            self.threads.append([])
        return verdict


def test_a_failure_is_mailed_once_it_lasted_a_quarter_of_an_hour() -> None:
    story = Story()
    verdict = story.look(0, failing())
    assert verdict is not None
    assert verdict.due == START + 15 * MINUTE
    story.look(14, failing())
    assert story.acts == []
    story.look(15, failing())
    story.look(16, failing())
    assert story.acts == [(15, "alarm")]


def test_a_failure_that_ends_sooner_sends_nothing_at_all() -> None:
    story = Story()
    story.look(0, failing())
    story.look(14, None)
    story.look(60, None)
    assert story.acts == []
    assert story.incident is None


def test_a_needed_token_is_mailed_at_once() -> None:
    story = Story()
    story.look(0, failing(news=4, urgent=True))
    assert story.acts == [(0, "alarm")]


def test_a_failure_that_becomes_a_needed_token_stays_one_thread() -> None:
    story = Story()
    story.look(0, failing())
    story.look(15, failing())
    story.look(16, failing(news=4, urgent=True))
    story.look(17, failing(news=4, urgent=True))
    assert story.acts == [(15, "alarm"), (16, "update")]
    assert story.incident is not None
    assert story.incident.message_id == "<15@x>"


def test_a_needed_token_that_comes_back_is_told_again() -> None:
    story = Story()
    story.look(0, failing(news=4, urgent=True))
    story.look(1, failing(news=1))
    story.look(2, failing(news=4, urgent=True))
    assert story.acts == [(0, "alarm"), (2, "update")]


def test_one_recovery_once_it_stayed_well() -> None:
    story = Story()
    story.look(0, failing())
    story.look(15, failing())
    verdict = story.look(20, None)
    assert verdict is not None
    assert verdict.due == START + 35 * MINUTE
    story.look(34, None)
    assert story.acts == [(15, "alarm")]
    story.look(35, None)
    story.look(36, None)
    assert story.acts == [(15, "alarm"), (35, "recovery")]
    assert story.incident is None


def test_one_that_goes_to_and_fro_makes_one_alarm() -> None:
    story = Story()
    for minute in range(0, 200, 2):
        story.look(minute, failing() if minute % 20 < 18 else None)
    assert story.acts == [(16, "alarm")]


def test_reminders_come_at_growing_distance() -> None:
    story = Story()
    for hour in range(24 * 24):
        story.look(hour * 60, failing())
    minutes = [minute for minute, act in story.acts if act == "reminder"]
    distances = [b - a for a, b in zip([60, *minutes], minutes, strict=False)]
    assert distances == [4 * 60, 24 * 60, 72 * 60, 168 * 60, 168 * 60]
    assert len(REMINDERS) == 4


def test_what_is_not_known_yet_leaves_all_as_it_is() -> None:
    story = Story()
    assert story.look(0, failing(known=False)) is None
    story.look(0, failing())
    story.look(15, failing())
    story.look(100, failing(known=False))
    story.look(101, failing())
    assert story.acts == [(15, "alarm")]


def test_a_burst_of_conflicts_is_one_mail_and_later_ones_are_news() -> None:
    story = Story()
    story.look(0, conflicts(1))
    story.look(1, conflicts(7))
    story.look(2, conflicts(9))
    story.look(16, conflicts(9))
    story.look(17, conflicts(9))
    assert story.acts == [(1, "alarm"), (16, "update")]


def test_conflicts_of_which_some_are_settled_are_no_news() -> None:
    story = Story()
    story.look(1, conflicts(9))
    story.look(30, conflicts(7))
    story.look(60, conflicts(7))
    assert story.acts == [(1, "alarm")]


def test_bookings_over_the_limit_are_told_and_neither_reminded_of_nor_recovered() -> None:
    story = Story()
    over = replace(conflicts(1), kind="over_limit", subject="over_limit")
    for minute in range(0, 60 * 24 * 10, 60):
        story.look(minute, over)
    story.look(60 * 24 * 11, None)
    story.look(60 * 24 * 12, None)
    assert [act for _, act in story.acts] == ["alarm"]
    assert story.incident is None


def test_only_problems_means_no_recoveries() -> None:
    story = Story(Rules(when="only_problems"))
    story.look(0, failing())
    story.look(15, failing())
    story.look(20, None)
    story.look(40, None)
    assert story.acts == [(15, "alarm")]
    assert story.incident is None


def test_what_was_held_back_and_is_over_is_told_as_past() -> None:
    verdict = judge(None, failing(urgent=True), START, RULES)
    assert verdict is not None
    over = judge(held(verdict), None, START + MINUTE, RULES)
    assert over is not None
    assert over.act == "passed"


def acting(site: str, kind: str, *, was_held: bool = False) -> Verdict:
    incident = Incident(site=site, kind=kind, subject=kind, opened_at=START, held=was_held, facts={})
    return Verdict(incident, "alarm", None, 1)


def test_each_incident_has_its_own_mail() -> None:
    mails, waiting = bundles([acting("a", "conflict"), acting("a", "channel"), acting("b", "disk")], 5)
    assert [[verdict.incident.kind for verdict in mail] for mail in mails] == [["channel"], ["conflict"], ["disk"]]
    assert not waiting


def test_more_than_fit_are_summed_up_by_site() -> None:
    verdicts = [acting("a", kind) for kind in KINDS] + [acting("b", kind) for kind in KINDS]
    mails, waiting = bundles(verdicts, 2)
    assert [len(mail) for mail in mails] == [len(KINDS), len(KINDS)]
    mails, waiting = bundles(verdicts, 1)
    assert len(mails) == 1
    assert {verdict.incident.site for verdict in waiting} == {"b"}
    mails, waiting = bundles(verdicts, 0)
    assert not mails
    assert len(waiting) == 2 * len(KINDS)


def test_what_was_held_back_is_summed_up_when_there_is_room() -> None:
    mails, _ = bundles([acting("a", "channel", was_held=True), acting("a", "conflict")], 20)
    assert [len(mail) for mail in mails] == [2]


@pytest.mark.parametrize(("ages", "expected"), [([], (3, None)), ([61, 60], (3, None)), ([10], (2, None))])
def test_room_in_the_hour(ages: list[int], expected: object) -> None:
    assert room_at([START - age * MINUTE for age in ages], START, 3) == expected


def test_when_there_is_room_again() -> None:
    queued = [START - age * MINUTE for age in (59, 40, 30, 5)]
    assert room_at(queued, START, 3) == (0, START + 20 * MINUTE)


looks = st.lists(
    st.tuples(st.integers(1, 300), st.one_of(st.none(), st.tuples(st.integers(1, 4), st.booleans(), st.booleans()))),
    min_size=1,
    max_size=60,
)


@given(looks, st.sampled_from(["always", "on_change", "only_problems"]))
@settings(deadline=None, max_examples=200)
def test_whatever_happens_the_mails_of_a_thread_make_sense(
    history: list[tuple[int, tuple[int, bool, bool] | None]], when: str
) -> None:
    story = Story(Rules(when=when))
    minute = 0
    since: datetime | None = None
    for pause, state in history:
        minute += pause
        now = START + minute * MINUTE
        since = None if state is None else since or now
        trouble = state and failing(since or now, news=state[0], urgent=state[1], known=state[2])
        verdict = story.look(minute, trouble or None)
        if verdict is not None and verdict.due is not None:
            assert verdict.due > now
    minutes = [moment for moment, _ in story.acts]
    assert len(minutes) == len(set(minutes)), "two mails at one look"
    for thread in story.threads:
        assert "alarm" not in thread[1:], "an alarm begins the thread"
        assert thread[:1] in ([], ["alarm"]), "and nothing else does"
        assert "recovery" not in thread[:-1], "a recovery ends it"
        assert not (when == "only_problems" and "recovery" in thread)
