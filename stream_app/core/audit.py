"""The auditor's re-adding of a ledger: fold ``budget.log`` again, compare with every line of ``budget.ledger``.

The fold needs nothing but the log; whoever holds both topics gets the same answer. A fault names the record: a line
that is not what the log yields, is missing, comes twice or out of order; or an entry of the log that the ledger's own
hash chain contradicts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from schemas.events.budget import LedgerEntry, SpendRefused, SpendReserved, TriggerRefused, TriggerReserved
from stream_app.core.entry import Entry
from stream_app.core.ledger import Ledger, initial, step


@dataclass(frozen=True, slots=True)
class Fault:
    """One record that is wrong. ``line`` counts from 1 the audited lines of its topic, or the lines of the audited
    file; it is absent where the record itself is.
    """

    where: str
    record: str
    scope: str
    what: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class ScopeSummary:
    """Where a re-added scope stands; ``head`` is the digest of its last line, which nothing can be changed under."""

    scope: str
    epsilon: str
    delta: float
    cap_epsilon: str
    grants: int
    refusals: int
    lines: int
    head: str


@dataclass(frozen=True, slots=True)
class Audit:
    """The verdict: ``ok`` where no record is at fault."""

    scopes: tuple[ScopeSummary, ...]
    faults: tuple[Fault, ...]

    @property
    def ok(self) -> bool:
        return not self.faults


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the ledger with its digest and its place: by content, as 1 and 1.0 and true are three things."""

    entry: LedgerEntry
    digest: str
    number: int


def audit_ledger(log: Sequence[Entry], lines: Sequence[LedgerEntry]) -> Audit:
    """Re-add every scope of the log and compare.

    ``log`` and ``lines`` are in the order of each scope; a broker's topic may hold a line several times, so drop those
    with ``without_repeats`` first.
    """
    expected = {
        scope: [Line(entry, entry.digest(), place) for place, entry in enumerate(entries)]
        for scope, entries in refold(log).items()
    }
    actual = [Line(entry, entry.digest(), number) for number, entry in enumerate(lines, start=1)]
    yielded = {line.entry.event_id: line for own in expected.values() for line in own}
    blamed, contradicted = _contradictions(expected, actual, log)
    faults = [*blamed, *(fault for fault in _line_faults(yielded, actual) if fault.scope not in contradicted)]
    return Audit(tuple(_summary(scope, own) for scope, own in sorted(expected.items()) if own), tuple(faults))


def without_repeats(lines: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """The lines as they first came; a repeat that is the same in every field is dropped, any other is kept."""
    seen: set[str] = set()
    kept = []
    for line in lines:
        digest = line.digest()
        if digest not in seen:
            kept.append(line)
        seen.add(digest)
    return kept


def refold(log: Iterable[Entry]) -> dict[str, list[LedgerEntry]]:
    """The lines that the log yields, by scope and in order."""
    ledgers: dict[str, Ledger] = {}
    lines: dict[str, list[LedgerEntry]] = {}
    for entry in log:
        before = ledgers.get(entry.key) or initial(entry.key)
        ledgers[entry.key], facts = step(before, entry)
        own = lines.setdefault(entry.key, [])
        if ledgers[entry.key].sequence > before.sequence:
            own += [fact for fact in facts if isinstance(fact, LedgerEntry)]
    return lines


def _line_faults(yielded: dict[str, Line], actual: Sequence[Line]) -> list[Fault]:
    """Compare line by line: what the log yields does not depend on the lines, so one altered line is one fault."""
    genuine = {line.digest for line in actual}
    open_slots = {name: line for name, line in yielded.items() if line.digest not in genuine}
    faults, seen, reached = [], set[str](), dict[str, int]()
    for line in actual:
        known = yielded.get(line.entry.event_id)
        if known is None or known.digest != line.digest:
            meant = _meant(line.entry, open_slots)
            faults.append(
                _fault(
                    line,
                    "no entry of the log yields this line" if meant is None else _difference(line.entry, meant.entry),
                )
            )
            if meant is not None:
                del open_slots[meant.entry.event_id]
        elif line.digest in seen:
            faults.append(_fault(line, "the line comes a second time"))
        elif known.entry.sequence < reached.get(line.entry.scope, -1):
            faults.append(_fault(line, "the line stands after a later one"))
        else:
            reached[line.entry.scope] = known.entry.sequence
        seen.add(line.digest)
    missing = [
        Fault(
            "budget.ledger",
            line.entry.event_id,
            line.entry.scope,
            f"line {line.entry.sequence} of the scope is missing",
        )
        for line in open_slots.values()
    ]
    return [*faults, *missing]


def _fault(line: Line, what: str) -> Fault:
    return Fault("budget.ledger", line.entry.event_id, line.entry.scope, what, line.number)


def _meant(entry: LedgerEntry, slots: dict[str, Line]) -> Line | None:
    """The line that an altered one was meant to be: by its id, else by what it decides, else by its place."""
    if entry.event_id in slots:
        return slots[entry.event_id]
    deciding = (line for line in slots.values() if (line.entry.decides, line.entry.type) == (entry.decides, entry.type))
    placed = (
        line for line in slots.values() if (line.entry.scope, line.entry.sequence) == (entry.scope, entry.sequence)
    )
    return next(deciding, None) or next(placed, None)


def _difference(entry: LedgerEntry, meant: LedgerEntry) -> str:
    if entry.type != meant.type:
        return f"it says {entry.type}, the log yields {meant.type}"
    told, yields = entry.document(), meant.document()
    fields = sorted(name for name in {*told, *yields} if told.get(name) != yields.get(name))
    return f"it differs from what the log yields in: {', '.join(fields)}"


def _contradictions(
    expected: dict[str, list[Line]], actual: Sequence[Line], log: Sequence[Entry]
) -> tuple[list[Fault], set[str]]:
    """Scopes whose lines form one unbroken chain that yet differs from the log: there, the log was altered.

    A line altered alone breaks the chain at its successor, unless it is the last.
    """
    faults, scopes = [], set()
    ids = {entry.event.event_id for entry in log}
    for scope in sorted({line.entry.scope for line in actual}):
        own, yields = [line for line in actual if line.entry.scope == scope], expected.get(scope, [])
        place = next((at for at, line in enumerate(own) if at >= len(yields) or line.digest != yields[at].digest), None)
        if place is None or not yields or place == len(own) - 1 == len(yields) - 1 or not _unbroken(own):
            continue
        scopes.add(scope)
        decided = {line.entry.decides for line in own}
        added = place < len(yields) and yields[place].entry.decides not in decided and own[place].entry.decides in ids
        record = yields[place].entry.decides if added else own[place].entry.decides
        faults.append(
            Fault(
                "budget.log",
                record,
                scope,
                f"the chain of the ledger contradicts this entry from line {place} of the "
                "scope on: the entry was altered, added, removed or moved",
            )
        )
    return faults, scopes


def _unbroken(own: Sequence[Line]) -> bool:
    previous: str | None = None
    for place, line in enumerate(own):
        if line.entry.sequence != place or line.entry.previous != previous:
            return False
        previous = line.digest
    return True


def _summary(scope: str, own: Sequence[Line]) -> ScopeSummary:
    last = own[-1].entry
    stands = last.epsilon_before if isinstance(last, SpendRefused | TriggerRefused) else last.epsilon_after
    return ScopeSummary(
        scope,
        stands,
        last.delta,
        last.cap_epsilon,
        sum(isinstance(line.entry, SpendReserved | TriggerReserved) for line in own),
        sum(isinstance(line.entry, SpendRefused | TriggerRefused) for line in own),
        len(own),
        own[-1].digest,
    )
