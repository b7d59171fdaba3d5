"""What the words of a query find: documents by the index, people by telephone number, appointments by a partner's
number."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from wtpd.store import countries
from wtpd.store.database import Tx, to_json
from wtpd.store.search.words import LONGEST, Word, is_international, is_whole, plain_query, query, telephone_digits

INDEXED_PREFIX = 7
"""The longest prefix that has an index of its own (001_book.sql)."""
CANDIDATES = 500
"""Documents that are compared with a long word before the index is asked for all words that begin so."""
_PARTS_OF_A_PLATE = 3


def appointments(tx: Tx, text: str, limit: int) -> list[str]:
    """Ids, the newest first."""
    return _found(tx, "appointment", text, limit)


def customers(tx: Tx, text: str, limit: int) -> list[str]:
    """As `appointments`."""
    return _found(tx, "customer", text, limit)


def vehicles(tx: Tx, text: str, limit: int) -> list[str]:
    """As `appointments`."""
    return _found(tx, "vehicle", text, limit)


def _found(tx: Tx, kind: str, text: str, limit: int) -> list[str]:
    """The union of what fits word by word, as a plate in one word, as a telephone number and as a partner's number."""
    words = query(text)
    found = matching(tx, kind, words, limit)
    plain = plain_query(text)
    if len(plain) != len(words):  # there is a plate in it
        if len(plain) < _PARTS_OF_A_PLATE or kind == "customer":
            found += matching(tx, kind, plain, limit)
    elif len(plain) > 1 and any(char.isdigit() for char in text):
        found += matching(tx, kind, [("".join(word[0] for word in plain)[:LONGEST],)], limit)
    more = by_telephone(tx, kind, telephone_keys(tx, text), limit)
    if kind == "appointment":
        more += _by_reference(tx, text, limit)
    return merged(tx, kind, found, more, limit)


def merged(tx: Tx, kind: str, found: list[tuple[int, str]], more: list[str], limit: int) -> list[str]:
    """Both without repeats, the newest document first."""
    if more:
        rows = tx.all(
            f"SELECT doc, id FROM search_{kind}_text WHERE id IN (SELECT value FROM json_each(?))", (to_json(more),)
        )
        found = found + [(row["doc"], row["id"]) for row in rows]
    return [each for _, each in sorted(set(found), reverse=True)[:limit]]


def matching(
    tx: Tx, kind: str, words: Sequence[Word], limit: int, *, also: Sequence[str] = ()
) -> list[tuple[int, str]]:
    """Documents (number, id) with words that begin with these; `also`: one of these whole words too. A single letter
    must be a whole word: half the book begins with it.

    Beginnings longer than the index knows are looked for by their first letters among the newest documents and
    compared; only where that leaves the answer open is the index asked for all words that begin so. Thereby neither a
    long word that is nowhere nor one that is everywhere costs a walk through the book."""
    if not words and not also:
        return []
    short = _expression(words, also)
    long = _long(words)
    if not long:
        return _ask(tx, kind, short, limit)
    checks, params = [], []
    for word in long:
        checks.append("(" + " OR ".join("instr(' ' || t.words, ?) > 0" for _ in word) + ")")
        params += [f" {spelling}" for spelling in word]
    for most in (2 * limit, CANDIDATES):
        rows = tx.all(
            f"""SELECT t.doc, t.id, {" AND ".join(checks)} AS fits
                FROM (SELECT rowid AS doc FROM search_{kind} WHERE search_{kind} MATCH ? ORDER BY rowid DESC LIMIT ?) f
                JOIN search_{kind}_text t ON t.doc = f.doc""",
            (*params, short, most),
        )
        found = [(row["doc"], row["id"]) for row in rows if row["fits"]]
        if len(found) >= limit or len(rows) < most:
            return sorted(found, reverse=True)[:limit]
    return _ask(tx, kind, _expression(words, also, LONGEST), limit)


def all_of(tx: Tx, kind: str, words: Sequence[Word], limit: int) -> list[sqlite3.Row] | None:
    """All documents (doc, id, words) that `matching` finds for these words; None: `CANDIDATES` or more, or with
    long words that are common `limit` or more."""
    asked, long = _expression(words), _long(words)
    if not long:
        return None if _are_many(tx, kind, asked) else _newest(tx, kind, asked)
    rows = _newest(tx, kind, asked)
    found = _fitting(rows, long)
    if len(rows) < CANDIDATES:
        return found
    if len(found) >= limit:
        return None
    rows = _newest(tx, kind, _expression(words, longest=LONGEST))
    return rows if len(rows) < CANDIDATES else None


def newest(tx: Tx, kind: str, words: Sequence[Word]) -> list[sqlite3.Row]:
    """Documents (doc, id, words) that fit these words, of the newest `CANDIDATES` by the indexed letters of each."""
    return _fitting(_newest(tx, kind, _expression(words)), _long(words))


def _are_many(tx: Tx, kind: str, asked: str) -> bool:
    sql = f"SELECT rowid FROM search_{kind} WHERE search_{kind} MATCH ? ORDER BY rowid DESC LIMIT 1 OFFSET ?"
    return tx.one(sql, (asked, CANDIDATES - 1)) is not None


def _newest(tx: Tx, kind: str, asked: str) -> list[sqlite3.Row]:
    return tx.all(
        f"""SELECT t.doc, t.id, t.words
            FROM (SELECT rowid AS doc FROM search_{kind} WHERE search_{kind} MATCH ? ORDER BY rowid DESC LIMIT ?) f
            JOIN search_{kind}_text t ON t.doc = f.doc""",
        (asked, CANDIDATES),
    )


def _fitting(rows: list[sqlite3.Row], long: Sequence[Word]) -> list[sqlite3.Row]:
    """Those that begin words with the whole of `long`, which the index knows by their first letters only."""
    return [row for row in rows if all(_begins(row["words"], word) for word in long)] if long else rows


def _begins(document: str, word: Word) -> bool:
    return any(document.startswith(spelling) or f" {spelling}" in document for spelling in word)


def _long(words: Sequence[Word]) -> list[Word]:
    return [word for word in words if any(len(each) > INDEXED_PREFIX and not is_whole(each) for each in word)]


def _ask(tx: Tx, kind: str, asked: str, limit: int) -> list[tuple[int, str]]:
    rows = tx.all(
        f"""SELECT t.doc, t.id FROM search_{kind} JOIN search_{kind}_text t ON t.doc = search_{kind}.rowid
            WHERE search_{kind} MATCH ? ORDER BY search_{kind}.rowid DESC LIMIT ?""",
        (asked, limit),
    )
    return [(row["doc"], row["id"]) for row in rows]


def _expression(words: Sequence[Word], also: Sequence[str] = (), longest: int = INDEXED_PREFIX) -> str:
    """In the query language of FTS5: words that begin with each of `words`, and one of the whole words `also`."""
    terms = []
    for word in words:
        spellings = [f'"{each}"' if len(each) == 1 or is_whole(each) else f'"{each[:longest]}"*' for each in word]
        terms.append(spellings[0] if len(spellings) == 1 else f"({' OR '.join(dict.fromkeys(spellings))})")
    if also:
        terms.append(f"({' OR '.join(chr(34) + each + chr(34) for each in also)})")
    return " AND ".join(terms)


def telephone_keys(tx: Tx, text: str) -> list[str]:
    """What the keys of telephone numbers begin with, if the text can be one, in each country of the house."""
    digits = telephone_digits(text)
    if not digits:
        return []
    if is_international(text):
        return [f"+{digits}"]
    if digits.startswith("00"):
        return [f"+{digits[2:]}"]
    import phonenumbers

    codes = [phonenumbers.country_code_for_region(country) for country in countries.all_of(tx)]
    return [f"+{code}{digits.removeprefix('0')}" for code in codes if code]


def by_telephone(tx: Tx, kind: str, numbers: Sequence[str], limit: int) -> list[str]:
    """Ids of customers whose numbers begin so, or of their latest appointments or vehicles."""
    people: dict[str, None] = {}
    for number in numbers:
        rows = tx.all(
            "SELECT customer_id FROM customer_contact WHERE contact >= ? AND contact < ? LIMIT ?",
            (number, f"{number}:", limit),
        )
        people.update((row["customer_id"], None) for row in rows)
    if not people or kind == "customer":
        return list(people)[:limit]
    ids = to_json(list(people)[:limit])
    if kind == "vehicle":
        sql = """SELECT v.id FROM json_each(?1) one CROSS JOIN vehicle v ON v.driver = one.value
                 UNION SELECT v.id FROM json_each(?1) one CROSS JOIN vehicle v ON v.owner = one.value
                 UNION SELECT v.id FROM json_each(?1) one CROSS JOIN vehicle v ON v.contractor = one.value LIMIT ?2"""
    else:
        sql = """SELECT a.id FROM json_each(?1) one CROSS JOIN appointment a ON a.id IN
                   (SELECT b.id FROM appointment b WHERE b.customer_id = one.value ORDER BY b.drop_off DESC LIMIT 20)
                 LIMIT ?2"""
    return [row["id"] for row in tx.all(sql, (ids, limit))]


def _by_reference(tx: Tx, text: str, limit: int) -> list[str]:
    """Appointments by a partner's number, or the beginning of one."""
    number = text.strip()
    if len(number) < 2 or not any(char.isdigit() for char in number):
        return []
    rows = tx.all(
        """WITH RECURSIVE known (partner) AS (
             SELECT min(partner) FROM reference
             UNION ALL
             SELECT (SELECT min(partner) FROM reference WHERE partner > known.partner) FROM known
             WHERE known.partner IS NOT NULL)
           SELECT r.appointment_id AS id FROM known CROSS JOIN reference r
             ON r.partner = known.partner AND r.partner_id >= ?1 AND r.partner_id < ?2
           LIMIT ?3""",
        (number, f"{number}\U0010ffff", limit),
    )
    return [row["id"] for row in rows]
