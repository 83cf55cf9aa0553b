"""A ledger with its log as one file that can be audited anywhere: JSON lines, numbered and chained.

Each line is ``{"number", "topic", "partition", "offset", "at", "type", "data", "chain"}``; ``chain`` is the SHA-256
of the chain before and of the line's RFC 8785 bytes without it. So even a change that would decide nothing is found.
Someone who may rewrite the whole file can also rewrite the chain: compare ``head`` with one that was noted elsewhere.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.canonical import canonical, parse
from schemas.errors import ContractError, InputError
from schemas.events import EVENTS, Event
from schemas.events.budget import LedgerEntry
from stream_app.core.audit import Audit, Fault, audit_ledger
from stream_app.core.entry import Entry

FIELDS = ("number", "topic", "partition", "offset", "at", "type", "data", "chain")
LOG, LEDGER = "budget.log", "budget.ledger"


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it stands in one of the two topics; ``at`` is the broker's append time in milliseconds since 1970."""

    topic: str
    partition: int
    offset: int
    at: int
    event: Event


@dataclass(frozen=True, slots=True)
class FileLine:
    """A line that could be read: its place in the file, counted from 1, its document, and its event."""

    place: int
    document: dict[str, Any]
    stored: StoredEvent


@dataclass(frozen=True, slots=True)
class LedgerFile:
    """What a file holds: the readable lines in order, what is wrong with the file itself, and the head of its chain."""

    lines: tuple[FileLine, ...]
    faults: tuple[Fault, ...]
    head: str


def write_ledger_file(path: Path, records: Iterable[StoredEvent]) -> str:
    """Write the file and give the head of its chain. Records come in the order of each partition, without repeats."""
    head = ""
    with path.open("wb") as file:
        for line, chain in _formatted(records):
            file.write(line)
            head = chain
    return head


def _formatted(records: Iterable[StoredEvent]) -> Iterator[tuple[bytes, str]]:
    chain = ""
    for number, record in enumerate(records, start=1):
        document: dict[str, Any] = {
            "number": number,
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "at": record.at,
            "type": record.event.type,
            "data": record.event.document(),
        }
        chain = _link(chain, document)
        yield canonical(document | {"chain": chain}) + b"\n", chain


def _link(previous: str, document: dict[str, Any]) -> str:
    content = {name: value for name, value in document.items() if name != "chain"}
    return hashlib.sha256(previous.encode() + canonical(content)).hexdigest()


def read_ledger_file(path: Path) -> LedgerFile:
    """Read a file and check its chain; what is wrong with a line is a fault. Raises ``InputError`` where there is no
    file.
    """
    try:
        texts = path.read_bytes().splitlines()
    except OSError:
        raise InputError(f"cannot read {path.name}") from None
    return parse_ledger_lines(texts)


def parse_ledger_lines(texts: Iterable[bytes]) -> LedgerFile:
    """The same for lines in memory."""
    lines, faults = [], []
    for place, text in enumerate(texts, start=1):
        try:
            lines.append(_line(place, text))
        except ContractError as error:
            faults.append(Fault("file", f"line {place}", "", f"cannot be read: {error}", place))
    faults += _chain_faults(lines, {fault.line for fault in faults})
    head = str(lines[-1].document["chain"]) if lines else ""
    return LedgerFile(tuple(lines), tuple(sorted(faults, key=lambda fault: fault.line or 0)), head)


def _line(place: int, text: bytes) -> FileLine:
    document = parse(text)
    if not isinstance(document, dict) or set(document) != set(FIELDS):
        raise ContractError(f"a line has exactly the fields {', '.join(FIELDS)}")
    whole = [document[name] for name in ("number", "partition", "offset", "at")]
    if any(not isinstance(value, int) or isinstance(value, bool) for value in whole):
        raise ContractError("number, partition, offset and at are whole numbers")
    if (
        not isinstance(document["chain"], str)
        or not isinstance(document["type"], str)
        or document["topic"] not in (LOG, LEDGER)
    ):
        raise ContractError("chain or type is not text, or the topic is neither of the two")
    model = EVENTS.get(document["type"])
    if model is None:
        raise ContractError("an event of unknown type")
    event = model.from_document(document["data"])
    if document["topic"] == LEDGER and not isinstance(event, LedgerEntry):
        raise ContractError("a line of the ledger is not an event of a ledger")
    if canonical(event.document()) != canonical(document["data"]):
        raise ContractError("the data is not in the form in which it was written")
    return FileLine(
        place,
        document,
        StoredEvent(document["topic"], document["partition"], document["offset"], document["at"], event),
    )


def _chain_faults(lines: list[FileLine], unreadable: set[int | None]) -> list[Fault]:
    """Lines whose number, content or chain is not what was written, and numbers that are gone."""
    renumbered = _renumbered(lines)
    faults = [_fault(line, "its number was altered") for line in renumbered]
    numbered = {line.place if line in renumbered else line.document["number"]: line for line in reversed(lines)}
    placed = {line.place for line in (*numbered.values(), *renumbered)}
    faults += [_fault(line, "another line has its number") for line in lines if line.place not in placed]
    stated: dict[int, set[str]] = {0: {""}}
    for number, line in sorted(numbered.items()):
        chain, before = line.document["chain"], stated.get(number - 1)
        links = set() if before is None else {_link(previous, line.document) for previous in before}
        if before is not None and chain not in links and line not in renumbered:
            faults.append(_fault(line, "it was altered: its chain is not that of its content"))
        # where the chain itself was altered, the next line still follows from what it was
        stated[number] = {chain, *links}
    faults += _misplaced(lines, unreadable | {fault.line for fault in faults})
    named = unreadable | {fault.line for fault in faults}
    total = len(lines) + len(unreadable)
    gone = (number for number in range(1, total + 1) if number not in numbered and number not in named)
    return [*faults, *(Fault("file", f"number {number}", "", "the line is missing") for number in gone)]


def _renumbered(lines: list[FileLine]) -> list[FileLine]:
    """Lines that follow from the line before them under the number of their place, and only under that."""
    found, previous = [], FileLine(0, {"chain": ""}, lines[0].stored) if lines else None
    for line in lines:
        moved = line.document["number"] != line.place and previous is not None and previous.place == line.place - 1
        if moved and previous is not None:
            meant = _link(previous.document["chain"], line.document | {"number": line.place})
            found += [line] if meant == line.document["chain"] else []
        previous = line
    return found


def _misplaced(lines: list[FileLine], named: set[int | None]) -> list[Fault]:
    highest, faults = 0, []
    for line in lines:
        if line.place in named:
            continue
        if line.document["number"] < highest:
            faults.append(_fault(line, "it stands after a later line"))
        highest = max(highest, line.document["number"])
    return faults


def _fault(line: FileLine, what: str) -> Fault:
    event = line.stored.event
    scope = event.key if line.stored.topic in (LOG, LEDGER) else ""
    return Fault(line.stored.topic, event.event_id, scope, what, line.place)


def audit_file(file: LedgerFile) -> Audit:
    """The audit of a file: its own chain first, and where that holds, the ledger re-added from the log in it.

    Where the chain does not hold, nothing is re-added: every figure after an altered line would only repeat the fault.
    """
    if file.faults:
        return Audit((), file.faults)
    log = [
        Entry(line.stored.event, line.stored.event.key, line.stored.at, line.stored.offset)
        for line in file.lines
        if line.stored.topic == LOG
    ]
    ledger = [(line.place, line.stored.event) for line in file.lines if isinstance(line.stored.event, LedgerEntry)]
    audit = audit_ledger(log, [event for _, event in ledger])
    places = dict(enumerate((place for place, _ in ledger), start=1))
    faults = tuple(
        Fault(fault.where, fault.record, fault.scope, fault.what, None if fault.line is None else places[fault.line])
        for fault in audit.faults
    )
    return Audit(audit.scopes, faults)
