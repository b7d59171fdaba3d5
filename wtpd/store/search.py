"""Full-text search over appointments, customers and vehicles, with FTS5 (spec: quality.md, search).

Each record has a document of normalised words. A query's words must each begin a word of it; results come newest first
by walking the sorted lists of the index, never by sorting or ranking, so common names cost no more than rare ones.

Documents are brought up to date once per commit (`Tx.at_commit`), because FTS5 writes a segment of its own at every
savepoint.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from wtpd.planner.names import name_key
from wtpd.planner.plates import formatted
from wtpd.planner.vin import is_vin
from wtpd.store import countries
from wtpd.store.database import Tx, from_json, to_json

_WORD = re.compile(r"[^\W_]+")
_INDEXED_PREFIX = 7
"""The longest prefix that has an index of its own (001_book.sql)."""
_MOST_WORDS = 8
_LONGEST = 64
_LONGEST_QUERY = 200
_CANDIDATES = 500
"""Documents that are compared with a long word before the index is asked for all words that begin so."""
_PARTS_OF_A_PLATE = 3
_LONGEST_GROUP = 5
_LONGEST_PLATE = 9
_MOST_DIGITS = 4
_TELEPHONE = re.compile(r"[+(\d][\d\s()/.+-]*")
_LEAST_DIGITS = 5
_MOST_TELEPHONE = 17
_VIN = 17
_LEAST_FOR_NEAR = 4
_MOST_VARIANTS = 160
"""Words that are looked up for one text; each costs a look into every segment of the index."""
_LONGEST_FOR_NEAR = 20
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def appointments(tx: Tx, text: str, limit: int) -> list[str]:
    """Ids, the newest first."""
    return _found(tx, "appointment", text, limit)


def customers(tx: Tx, text: str, limit: int) -> list[str]:
    """As `appointments`."""
    return _found(tx, "customer", text, limit)


def vehicles(tx: Tx, text: str, limit: int) -> list[str]:
    """As `appointments`."""
    return _found(tx, "vehicle", text, limit)


def near(tx: Tx, kind: str, text: str, limit: int) -> list[str]:
    """Ids of what nearly fits, for a text that finds nothing: one letter is wrong, missing, too many or swapped in one
    of its words, or two digits that stand side by side are swapped. The newest first."""
    words = _query(text)
    numbers = [number for swapped in _swapped(text) for number in _telephones(tx, swapped)]
    found = _merged(tx, kind, [], _by_telephone(tx, kind, numbers, limit), limit)
    for place in sorted(range(len(words)), key=lambda place: -len(words[place][0])):
        if found:
            break
        word = words[place][0]
        others = [each for number, each in enumerate(words) if number != place]
        if others and not _matching(tx, kind, others, 1):
            continue  # another word is wrong
        hits = _with_slip_behind(tx, kind, word, others, limit)
        if not hits and (variants := _variants(word)[: _MOST_VARIANTS // len(words)]):
            hits = _matching(tx, kind, others, limit, also=variants)
        found = [each for _, each in hits]
    return found


def touch_appointment(tx: Tx, appointment_id: str) -> None:
    """What the appointment is found by may have changed in this transaction."""
    tx.at_commit(_index, f"appointment {appointment_id}")


def add_number(tx: Tx, appointment_id: str, number: str) -> None:
    """A partner's number of the appointment came in this transaction: the rest of its document stays as it is."""
    tx.at_commit(_index, f"number {appointment_id} {number}")


def touch_customer(tx: Tx, customer_id: str) -> None:
    """As `touch_appointment`; its appointments are seen to as well."""
    tx.at_commit(_index, f"customer {customer_id}")


def touch_vehicle(tx: Tx, vehicle_id: str) -> None:
    """As `touch_customer`."""
    tx.at_commit(_index, f"vehicle {vehicle_id}")


def forget(tx: Tx, customer_id: str, vehicle_ids: Iterable[str]) -> None:
    """Bring the documents of an erased person up to date at once. A deleted word stays in older segments of the index
    until they are merged (`merge`)."""
    _index(tx, {f"customer {customer_id}", *(f"vehicle {vehicle_id}" for vehicle_id in vehicle_ids)})


def merge(tx: Tx, kind: str, pages: int, *, begin: bool) -> bool:
    """Merge up to `pages` pages of one index into a single segment that has no deleted word any more; `begin`: the
    first step. Returns whether something is left. (SQLite, FTS5, 6.7: the 'merge' command.)"""
    before = _total_changes(tx)
    tx.run(f"INSERT INTO search_{kind} (search_{kind}, rank) VALUES ('merge', ?)", (-pages if begin else pages,))
    return _total_changes(tx) - before >= 2


KINDS = ("appointment", "customer", "vehicle")


def _total_changes(tx: Tx) -> int:
    row = tx.one("SELECT total_changes() AS n")
    return int(row["n"]) if row else 0


def _found(tx: Tx, kind: str, text: str, limit: int) -> list[str]:
    """The union of what fits word by word, as a plate in one word, as a telephone number and as a partner's number."""
    words = _query(text)
    found = _matching(tx, kind, words, limit)
    plain = _words_of(text)
    if len(plain) != len(words):  # there is a plate in it
        if len(plain) < _PARTS_OF_A_PLATE or kind == "customer":
            found += _matching(tx, kind, plain, limit)
    elif len(plain) > 1 and any(char.isdigit() for char in text):
        found += _matching(tx, kind, [("".join(word[0] for word in plain)[:_LONGEST],)], limit)
    more = _by_telephone(tx, kind, _telephones(tx, text), limit)
    if kind == "appointment":
        more += _by_reference(tx, text, limit)
    return _merged(tx, kind, found, more, limit)


def _merged(tx: Tx, kind: str, found: list[tuple[int, str]], more: list[str], limit: int) -> list[str]:
    """Both without repeats, the newest document first."""
    if more:
        rows = tx.all(
            f"SELECT doc, id FROM search_{kind}_text WHERE id IN (SELECT value FROM json_each(?))", (to_json(more),)
        )
        found = found + [(row["doc"], row["id"]) for row in rows]
    return [each for _, each in sorted(set(found), reverse=True)[:limit]]


def _words_of(text: str) -> list[tuple[str, ...]]:
    """The words of a query, each with its ways of spelling: `Müller` → `mueller`, `muller`."""
    words = [word[:_LONGEST] for word in _readings(text[:_LONGEST_QUERY])[0][:_MOST_WORDS]]
    return [tuple(dict.fromkeys((word, _bare(word)))) if word.isalpha() else (word,) for word in words]


def _query(text: str) -> list[tuple[str, ...]]:
    """As `_words_of`, a plate in it as one word: `Lübs HRO-KP 48` → `luebs`/`lubs`, `hrokp48`."""
    words = _words_of(text)
    for length in (3, 2):
        for first in range(len(words) - length + 1):
            run = [word[0] for word in words[first : first + length]]
            if _is_plate(run):
                return [*words[:first], ("".join(run),), *words[first + length :]]
    return words


def _is_plate(run: list[str]) -> bool:
    """Two or three short groups of letters and digits, as a plate or the end of one is read out."""
    joined = "".join(run)
    digits = sum(char.isdigit() for char in joined)
    if not 1 <= digits <= _MOST_DIGITS or len(joined) > _LONGEST_PLATE or digits == len(joined):
        return False
    return all(len(part) <= _LONGEST_GROUP for part in run) and joined.isascii()


def _matching(
    tx: Tx, kind: str, words: list[tuple[str, ...]], limit: int, *, also: Sequence[str] = ()
) -> list[tuple[int, str]]:
    """Documents (number, id) with words that begin with these; `also`: one of these whole words too. A single letter
    must be a whole word: half the book begins with it.

    Beginnings longer than the index knows are looked for by their first letters among the newest documents and
    compared; only where that leaves the answer open is the index asked for all words that begin so. Thereby neither a
    long word that is nowhere nor one that is everywhere costs a walk through the book."""
    if not words and not also:
        return []
    short = _expression(words, also, _INDEXED_PREFIX)
    long = [word for word in words if any(len(each) > _INDEXED_PREFIX and not _is_whole(each) for each in word)]
    if not long:
        return _ask(tx, kind, short, limit)
    checks, params = [], []
    for word in long:
        checks.append("(" + " OR ".join("instr(' ' || t.words, ?) > 0" for _ in word) + ")")
        params += [f" {spelling}" for spelling in word]
    for most in (2 * limit, _CANDIDATES):
        rows = tx.all(
            f"""SELECT t.doc, t.id, {" AND ".join(checks)} AS fits
                FROM (SELECT rowid AS doc FROM search_{kind} WHERE search_{kind} MATCH ? ORDER BY rowid DESC LIMIT ?) f
                JOIN search_{kind}_text t ON t.doc = f.doc""",
            (*params, short, most),
        )
        found = [(row["doc"], row["id"]) for row in rows if row["fits"]]
        if len(found) >= limit or len(rows) < most:
            return sorted(found, reverse=True)[:limit]
    return _ask(tx, kind, _expression(words, also, _LONGEST), limit)


def _ask(tx: Tx, kind: str, expression: str, limit: int) -> list[tuple[int, str]]:
    rows = tx.all(
        f"""SELECT t.doc, t.id FROM search_{kind} JOIN search_{kind}_text t ON t.doc = search_{kind}.rowid
            WHERE search_{kind} MATCH ? ORDER BY search_{kind}.rowid DESC LIMIT ?""",
        (expression, limit),
    )
    return [(row["doc"], row["id"]) for row in rows]


def _expression(words: list[tuple[str, ...]], also: Sequence[str], longest: int) -> str:
    """In the query language of FTS5."""
    terms = []
    for word in words:
        spellings = [f'"{each}"' if len(each) == 1 or _is_whole(each) else f'"{each[:longest]}"*' for each in word]
        terms.append(spellings[0] if len(spellings) == 1 else f"({' OR '.join(dict.fromkeys(spellings))})")
    if also:
        terms.append(f"({' OR '.join(chr(34) + each + chr(34) for each in also)})")
    return " AND ".join(terms)


def _is_whole(word: str) -> bool:
    """Whether no longer word can begin with this one: it is a whole VIN, which the index finds straight."""
    return len(word) == _VIN and is_vin(word.upper()) and not word.isalpha()


def _telephones(tx: Tx, text: str) -> list[str]:
    """What the keys of telephone numbers begin with, if the text can be one, in each country of the house."""
    digits = "".join(char for char in text if char.isdigit())
    if not _TELEPHONE.fullmatch(text.strip()) or not _LEAST_DIGITS <= len(digits) <= _MOST_TELEPHONE:
        return []
    if text.strip(" (").startswith("+"):
        return [f"+{digits}"]
    if digits.startswith("00"):
        return [f"+{digits[2:]}"]
    import phonenumbers

    codes = [phonenumbers.country_code_for_region(country) for country in countries.all_of(tx)]
    return [f"+{code}{digits.removeprefix('0')}" for code in codes if code]


def _by_telephone(tx: Tx, kind: str, numbers: Sequence[str], limit: int) -> list[str]:
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


def _with_slip_behind(tx: Tx, kind: str, word: str, others: list[tuple[str, ...]], limit: int) -> list[tuple[int, str]]:
    """Documents, among the newest that begin as the first half of a word does, with a word that differs by one slip."""
    if not _LEAST_FOR_NEAR <= len(word) <= _LONGEST_FOR_NEAR or not word.isalpha():
        return []
    head = word[: min(_INDEXED_PREFIX, len(word) // 2)]
    rows = tx.all(
        f"""SELECT t.doc, t.id, t.words
            FROM (SELECT rowid AS doc FROM search_{kind} WHERE search_{kind} MATCH ? ORDER BY rowid DESC LIMIT ?) f
            JOIN search_{kind}_text t ON t.doc = f.doc""",
        (_expression([(head,), *others], (), _INDEXED_PREFIX), _CANDIDATES),
    )
    rest = len(word) - len(head)
    similar = re.compile(rf"(?<!\S){head}\S{{{rest - 1},{rest + 1}}}(?!\S)")
    known: dict[str, bool] = {}
    found = []
    for row in rows:
        for each in similar.findall(row["words"]):
            if each not in known:
                known[each] = is_one_slip(word, each)
            if known[each]:
                found.append((row["doc"], row["id"]))
                break
    return sorted(found, reverse=True)[:limit]


def is_one_slip(one: str, other: str) -> bool:
    """Whether two different words differ by one letter that is wrong, missing or too many, or by two swapped ones."""
    if one == other:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    mine, theirs = one[start:], other[start:]
    return (
        mine[1:] == theirs[1:]
        or mine[1:] == theirs
        or mine == theirs[1:]
        or (mine[:2] == theirs[1::-1] and len(mine) > 1 and mine[2:] == theirs[2:])
    )


def _variants(word: str) -> list[str]:
    """Whole words that differ from this one by a slip, the likeliest first; of a name only slips in its first half,
    since `_with_slip_behind` finds the others."""
    if not _LEAST_FOR_NEAR <= len(word) <= _LONGEST_FOR_NEAR or not word.isascii():
        return []
    reach = len(word) // 2 + 1 if word.isalpha() else len(word)
    ways = [
        word[:place] + word[place + 1] + word[place] + word[place + 2 :] for place in range(min(reach, len(word) - 1))
    ]
    if not word.isdigit():
        ways += [word[:place] + word[place + 1 :] for place in range(reach)]
        letters = [place for place in range(reach) if word[place].isalpha()]
        ways += [word[:place] + letter + word[place + 1 :] for place in letters for letter in _LETTERS]
        if word.isalpha():
            ways += [word[:place] + letter + word[place:] for place in range(reach) for letter in _LETTERS]
    return [way for way in dict.fromkeys(ways) if way != word]


def _swapped(text: str) -> list[str]:
    """A telephone number with two neighbouring digits swapped, in each way."""
    digits = "".join(char for char in text if char.isdigit())
    if not _TELEPHONE.fullmatch(text.strip()) or not _LEAST_DIGITS <= len(digits) <= _MOST_TELEPHONE:
        return []
    sign = "+" if text.strip(" (").startswith("+") else ""
    places = range(1, len(digits) - 1)
    ways = (digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :] for place in places)
    return [sign + way for way in dict.fromkeys(ways) if way != digits]


def _index(tx: Tx, touched: set[str]) -> None:
    """`touched`: kind and id of what may have changed. Each appointment is looked at once, however it was touched."""
    ids: dict[str, set[str]] = {"appointment": set(), "customer": set(), "vehicle": set(), "number": set()}
    for key in touched:
        kind, _, record_id = key.partition(" ")
        ids[kind].add(record_id)
    for kind in ("customer", "vehicle"):
        if ids[kind]:
            rows = tx.all(
                f"SELECT id FROM appointment WHERE {kind}_id IN (SELECT value FROM json_each(?))", _ids(ids[kind])
            )
            ids["appointment"].update(row["id"] for row in rows)
    for kind, index in (("customer", _index_customers), ("vehicle", _index_vehicles),
                        ("appointment", _index_appointments)):  # fmt: skip
        if ids[kind]:
            index(tx, ids[kind])
    _add_numbers(tx, ids["number"], without=ids["appointment"])


def _add_numbers(tx: Tx, touched: set[str], *, without: set[str]) -> None:
    numbers: dict[str, list[str]] = {}
    for each in sorted(touched):
        appointment_id, _, number = each.partition(" ")
        if appointment_id not in without:
            numbers.setdefault(appointment_id, []).extend(number.split(" "))
    if numbers:
        known = _known(tx, "appointment", numbers)
        texts = {each: row["words"].split() for each, row in known.items()}
        documents = {each: _document([*words, *_numbers(*numbers[each])]) for each, words in texts.items()}
        _put(tx, "appointment", documents, known)
        if missing := numbers.keys() - known.keys():
            _index_appointments(tx, missing)


def _index_appointments(tx: Tx, ids: set[str]) -> None:
    rows = tx.all(
        """SELECT a.id, a.work_order, a.dms_number, c.first_name, c.last_name, c.company, v.plate, v.vin,
             (SELECT group_concat(r.partner_id, ' ') FROM reference r WHERE r.appointment_id = a.id) AS partner_ids
           FROM appointment a LEFT JOIN customer c ON c.id = a.customer_id LEFT JOIN vehicle v ON v.id = a.vehicle_id
           WHERE a.id IN (SELECT value FROM json_each(?)) ORDER BY a.id""",
        _ids(ids),
    )
    documents = {}
    for row in rows:
        numbers = [row["work_order"], row["dms_number"], *(row["partner_ids"] or "").split(" ")]
        words = [*_words(row["first_name"], row["last_name"], row["company"]), *_car(row["plate"], row["vin"])]
        documents[row["id"]] = _document([*words, *_numbers(*numbers)])
    _put(tx, "appointment", documents)


def _index_customers(tx: Tx, ids: set[str]) -> None:
    rows = tx.all(
        """SELECT c.*, (SELECT json_group_array(k.contact) FROM customer_contact k WHERE k.customer_id = c.id) AS keys
           FROM customer c WHERE c.id IN (SELECT value FROM json_each(?)) ORDER BY c.id""",
        _ids(ids),
    )
    documents = {}
    for row in rows:
        numbers = (row["number"], row["phone"], row["mobile"], row["business_phone"], row["business_mobile"])
        words = _words(row["first_name"], row["last_name"], row["company"], row["city"])
        documents[row["id"]] = _document([*words, *_numbers(*numbers, *from_json(row["keys"]))])
    _put(tx, "customer", documents)


def _index_vehicles(tx: Tx, ids: set[str]) -> None:
    rows = tx.all("SELECT * FROM vehicle WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", _ids(ids))
    documents = {
        row["id"]: _document(
            [*_car(row["plate"], row["vin"]), *_words(row["make"], row["model"]), *_numbers(row["engine_number"])]
        )
        for row in rows
    }
    _put(tx, "vehicle", documents)


def _ids(ids: Iterable[str]) -> tuple[str]:
    return (to_json(sorted(ids)),)


def _document(words: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(word[:_LONGEST] for word in words if word))


def _known(tx: Tx, kind: str, ids: Iterable[str]) -> dict[str, sqlite3.Row]:
    """The documents as they are (doc, id, words), by the id of the record."""
    rows = tx.all(f"SELECT doc, id, words FROM search_{kind}_text WHERE id IN (SELECT value FROM json_each(?))",
                  _ids(ids))  # fmt: skip
    return {row["id"]: row for row in rows}


def _put(tx: Tx, kind: str, documents: Mapping[str, str], known: Mapping[str, sqlite3.Row] | None = None) -> None:
    """Bring the documents of these records (id → words) up to date; nothing is written for one that says the same."""
    table = f"search_{kind}"
    known = _known(tx, kind, documents) if known is None else known
    last = tx.one(f"SELECT max(doc) AS doc FROM {table}_text")
    first = 1 + ((last["doc"] if last else None) or 0)
    new = [(first + place, each) for place, each in enumerate(each for each in documents if each not in known)]
    changed = [
        (row["doc"], row["words"], documents[each]) for each, row in known.items() if row["words"] != documents[each]
    ]
    if changed:
        tx.run_many(f"UPDATE {table}_text SET words = ? WHERE doc = ?", [(after, doc) for doc, _, after in changed])
    if new:
        tx.run_many(f"INSERT INTO {table}_text (doc, id, words) VALUES (?, ?, ?)",
                    [(doc, each, documents[each]) for doc, each in new])  # fmt: skip
    # In the order of the documents, each deleted right before it is inserted: FTS5 begins a new segment, which it has
    # to merge later, whenever a document comes that is before the last one.
    written = [*((doc, 0, "delete", before) for doc, before, _ in changed), *((doc, 1, None, after) for doc, _, after
               in changed), *((doc, 1, None, documents[each]) for doc, each in new)]  # fmt: skip
    tx.run_many(f"INSERT INTO {table} ({table}, rowid, words) VALUES (?, ?, ?)",
                [(command, doc, words) for doc, _, command, words in sorted(written)])  # fmt: skip


def _readings(text: str | None) -> list[list[str]]:
    """The words of a text as `name_key` spells them (ü is ue) and, if that differs, as a keyboard without umlauts
    does (ü is u)."""
    if not text:
        return [[]]
    if text.isascii():
        return [[word for word in _WORD.findall(text.lower().replace("'", "")) if word not in _NO_NAMES]]
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_FOLDED))
    bare = _WORD.findall("".join(char for char in plain if not unicodedata.combining(char)))
    return [name_key("", "", text).split(), bare]


_FOLDED = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ß": "ss", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
"""Letters that Unicode doesn't take apart, as a keyboard without them writes them."""
_DIGRAPH = re.compile(r"(?<=[aou])e")


def _bare(word: str) -> str:
    """As people write an umlaut who have none: `mueller` and `müller` are `muller`, `bauer` is `baur`."""
    return _DIGRAPH.sub("", word)


_NO_NAMES = frozenset(("firma", "fa", "und"))
"""What `name_key` leaves out of a company's name."""


def _words(*texts: str | None) -> Iterator[str]:
    for text in texts:
        for words in _readings(text):
            for word in words:
                yield word
                if "e" in word:
                    yield _bare(word)


def _numbers(*texts: str | None) -> Iterator[str]:
    """The parts of each number, and the number in one word."""
    for text in filter(None, texts):
        for words in _readings(text):
            yield from words
            yield "".join(words)


@lru_cache(maxsize=1024)
def _car(plate: str | None, vin: str | None) -> tuple[str, ...]:
    """The plate as a whole, its groups, and its ends (`48e`, `kp48e`), however it was written; of a VIN people say the
    last six, seven or eight characters. Kept, since a vehicle and its appointments are often indexed together."""
    words: list[str] = []
    if plate:
        words += _numbers(plate)
        parts = _readings(formatted(plate))[0]
        for each in (parts, _GROUP.findall("".join(parts))):
            for place, part in enumerate(each):
                words += (part, "".join(each[place:]))
    whole = (vin or "").lower()
    words.append(whole)
    if len(whole) > _SPOKEN[0]:
        words += (whole[-length:] for length in _SPOKEN)
    return tuple(dict.fromkeys(words))


_GROUP = re.compile(r"[^\W\d_]+|\d+")
_SPOKEN = (8, 7, 6)
