"""Writes a status mail: subject with the news first, plain text and HTML, and the headers that keep autoresponders
quiet and threads together (spec: mail.md). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.charset import QP, Charset
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.policy import compat32
from email.utils import format_datetime
from html import escape

from wtpd.daemon.mail.addresses import domain_of, in_header
from wtpd.daemon.mail.incidents import Act
from wtpd.daemon.mail.wording import headline, next_step, sentence, show_moment, subject_counts
from wtpd.harmless import harmless, harmless_lines
from wtpd.store.attention import text
from wtpd.store.mail import Incident
from wtpd.texts import N_, Text

_POLICY = compat32.clone(linesep="\r\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one incident contributes. `lines`: how many appointments it touches, and which."""

    incident: Incident
    act: Act
    lines: Sequence[Text | str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """All that a mail is made from. `rest`: what else is wrong at the site. `references`: the threads it belongs to,
    empty for the first mail of one."""

    site: str
    box: str
    language: str
    zone: str
    sender: str
    recipient: str
    message_id: str
    at: datetime
    parts: Sequence[Part]
    rest: Sequence[Incident] = ()
    errors: int = 0
    references: Sequence[str] = ()

    def say(self, text: Text | str) -> str:
        return text if isinstance(text, str) else text.render(self.language)

    def moment(self, moment: datetime) -> str:
        return show_moment(moment, self.zone, self.language)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One channel held against the book: how many appointments were compared, and how many of them differ."""

    title: str
    compared: int
    differing: int


@dataclass(frozen=True, slots=True)
class _Block:
    """A headline with sentences and a list below it."""

    title: str
    sentences: Sequence[str]
    lines: Sequence[str] = ()

    def harmless(self) -> _Block:
        """With each sentence in a line of its own, whatever a partner or a customer wrote into it."""
        return _Block(harmless(self.title), [*map(harmless, self.sentences)], [*map(harmless, self.lines)])


def compose(letter: Letter) -> bytes:
    """The whole mail, ready for the wire."""
    blocks = [_block(letter, part) for part in letter.parts]
    if letter.rest:
        lines = [f"{_title(letter, each)} ({_since(letter, each.opened_at)})" for each in letter.rest]
        blocks.append(_Block(letter.say(N_("Also open")), (), lines))
    return _with_foot(letter, _subject(letter), blocks)


def compose_all_clear(letter: Letter, found: Sequence[Compared]) -> bytes:
    """The week's mail that says what was compared and found equal."""
    subject = N_("all is well") if not any(each.differing for each in found) else N_("compared, and some differ")
    lines = [
        N_("{title}: {count} appointments compared, all equal", title=each.title, count=each.compared)
        if not each.differing
        else N_(
            "{title}: {count} appointments compared, {differing} differ; see wtpd verify",
            title=each.title, count=each.compared, differing=each.differing,
        )
        for each in found
    ]  # fmt: skip
    title = letter.say(subject)
    block = _Block(
        title,
        [letter.say(N_("This was held against the partners, field by field:"))],
        [letter.say(line) for line in lines],
    )
    return _with_foot(letter, f"[{letter.site} · {letter.box}] {title}", [block])


def message_id(unique: str, sender: str) -> str:
    """`<unique@domain of the sender>`."""
    return f"<{unique}@{domain_of(sender)}>"


def on_the_wire(letter: Letter, subject: str, plain: str, html: str) -> bytes:
    """A mail with the headers that all status mails have.

    It is made with the older half of the email package: the newer one loses spaces between encoded words of a folded
    subject (python/cpython#92081)."""
    message = MIMEMultipart("alternative", policy=_POLICY)
    message["From"], message["To"] = "-", "-"  # written below: the email package would encode their letters
    message["Subject"] = Header(" ".join(harmless(subject).split()), "utf-8", header_name="Subject").encode()
    message["Date"] = format_datetime(letter.at)
    message["Message-ID"] = letter.message_id
    if letter.references:
        message["In-Reply-To"] = letter.references[0]
        message["References"] = " ".join(letter.references)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    slug = re.sub(r"[^a-z0-9-]+", "-", letter.box.lower()).strip("-") or "box"
    message["List-Id"] = f"<{slug}.wtpd.{domain_of(letter.sender)}>"
    message["Content-Language"] = letter.language
    readable = Charset("utf-8")
    readable.body_encoding = QP
    for body, kind in ((harmless_lines(plain), "plain"), (harmless_lines(html), "html")):
        part = MIMENonMultipart("text", kind, charset="utf-8", policy=_POLICY)
        part.set_payload(body, charset=readable)
        message.attach(part)
    return addressed(message.as_bytes(policy=_POLICY), letter.sender, letter.recipient)


def addressed(message: bytes, sender: str, recipient: str) -> bytes:
    """The mail with these addresses in `From` and `To`: domains in ASCII, other letters as UTF-8 (RFC 6532)."""
    head, gap, body = message.partition(b"\r\n\r\n")
    for name, address in ((b"From", sender), (b"To", recipient)):
        line = name + b": " + in_header(address).encode()
        head = re.sub(rb"(?mi)^" + name + rb":[^\r\n]*(?:\r\n[ \t][^\r\n]*)*", lambda found: line, head, count=1)  # noqa: B023 - called at once
    return head + gap + body


def _subject(letter: Letter) -> str:
    resolved = sum(part.act in ("recovery", "passed") for part in letter.parts)
    first = letter.parts[0]
    title = _title(letter, first.incident)
    if first.act == "recovery":
        title = letter.say(N_("works again: {what}", what=title))
    elif first.act == "passed":
        title = letter.say(N_("is over: {what}", what=title))
    counts = letter.say(subject_counts(letter.errors, resolved))
    return f"[{letter.site} · {letter.box}] {counts} – {title}"


def _block(letter: Letter, part: Part) -> _Block:
    incident = part.incident
    title = _title(letter, incident)
    if part.act in ("recovery", "passed"):
        end = incident.well_since or letter.at
        period = N_(
            "It was wrong from {start} to {end}.", start=letter.moment(incident.opened_at), end=letter.moment(end)
        )
        words = N_("works again: {what}", what=title) if part.act == "recovery" else N_("is over: {what}", what=title)
        return _Block(letter.say(words), [letter.say(period)])
    sentences = [letter.say(sentence(incident.kind, incident.facts)), _since(letter, incident.opened_at)]
    if part.act == "reminder":
        sentences.insert(0, letter.say(N_("Reminder: this is still open.")))
    if error := incident.facts.get("error"):
        sentences.append(letter.say(N_("Last error: {error}", error=text(error))))
    sentences.append(letter.say(N_("Next step: {step}", step=next_step(incident.kind, incident.facts))))
    return _Block(title, sentences, [letter.say(line) for line in part.lines])


def _title(letter: Letter, incident: Incident) -> str:
    return letter.say(headline(incident.kind, incident.facts))


def _since(letter: Letter, moment: datetime) -> str:
    return letter.say(N_("since {time}", time=letter.moment(moment)))


def _with_foot(letter: Letter, subject: str, blocks: Sequence[_Block]) -> bytes:
    foot = N_(
        "wtpd on {box} wrote this by itself at {time}. Answers aren't read.",
        box=letter.box,
        time=letter.moment(letter.at),
    )
    closing = harmless(letter.say(foot))
    blocks = [block.harmless() for block in blocks]
    return on_the_wire(letter, subject, _plain(blocks, closing), _html(letter, blocks, closing))


def _plain(blocks: Sequence[_Block], foot: str) -> str:
    parts = []
    for block in blocks:
        lines = [block.title, "=" * len(block.title), *block.sentences]
        parts.append("\n".join([*lines, *(f"- {line}" for line in block.lines)]))
    return "\n\n".join(parts) + f"\n\n-- \n{foot}\n"


def _html(letter: Letter, blocks: Sequence[_Block], foot: str) -> str:
    body = []
    for block in blocks:
        body.append(f"<h2 style='font-size:1.1em;margin-bottom:.3em'>{escape(block.title)}</h2>")
        body += [f"<p style='margin:.3em 0'>{escape(line)}</p>" for line in block.sentences]
        if block.lines:
            body.append("<ul>" + "".join(f"<li>{escape(line)}</li>" for line in block.lines) + "</ul>")
    return (
        f'<!DOCTYPE html>\n<html lang="{letter.language}"><head><meta charset="utf-8"></head>\n'
        f"<body style='font-family:sans-serif;line-height:1.4'>\n{chr(10).join(body)}\n"
        f"<p style='color:#666;font-size:.85em'>{escape(foot)}</p>\n</body></html>\n"
    )
