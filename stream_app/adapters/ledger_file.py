"""Brings a ledger and its log from the broker to the auditor: as a file that can be re-added anywhere, or at once."""

from collections.abc import Iterable
from pathlib import Path

from schemas.errors import PerennialError
from schemas.events.budget import LedgerEntry
from stream_app.adapters.belief import believe
from stream_app.adapters.reader import StoredMessage, read_topic
from stream_app.core import ledgerfile
from stream_app.core.audit import Audit, audit_ledger, without_repeats
from stream_app.core.entry import Entry
from stream_app.core.ledgerfile import LEDGER, LOG, StoredEvent
from stream_app.core.routes import LOG_EVENTS
from stream_app.signing.trust import Trust


def export_ledger(bootstrap: str, out: Path, trust: Trust | None = None) -> tuple[int, str]:
    """Write log and ledger to a file; the number of lines and the head of its chain, worth noting elsewhere.

    With ``trust``, commands in the log that no worker believed are left out; without, they are taken as they stand.
    """
    records = _records(read_topic(bootstrap, LOG, LEDGER), trust)
    return len(records), ledgerfile.write_ledger_file(out, records)


def audit_file(path: Path) -> Audit:
    """Re-add the ledger in a file, without any broker; raises ``InputError`` where it cannot be read."""
    return ledgerfile.audit_file(ledgerfile.read_ledger_file(path))


def audit_broker(bootstrap: str, trust: Trust | None = None) -> Audit:
    """Re-add the ledger as it stands on the broker now; ``trust`` as for ``export_ledger``."""
    records = _records(read_topic(bootstrap, LOG, LEDGER), trust)
    log = [Entry(record.event, record.event.key, record.at, record.offset) for record in records if record.topic == LOG]
    return audit_ledger(log, [record.event for record in records if isinstance(record.event, LedgerEntry)])


def _records(messages: Iterable[StoredMessage], trust: Trust | None) -> list[StoredEvent]:
    """The log's entries and then the ledger's lines, each partition in order; what is a hole to the stations is one
    here, too.
    """
    found: dict[str, list[StoredEvent]] = {LOG: [], LEDGER: []}
    for message in sorted(messages, key=lambda each: (each.topic, each.partition, each.offset)):
        try:
            event = message.event()
            if trust is not None and message.topic == LOG:
                believe(event, trust, message.at)
        except PerennialError:
            continue
        if (message.topic == LOG and isinstance(event, LOG_EVENTS[LOG])) or isinstance(event, LedgerEntry):
            found[message.topic].append(
                StoredEvent(message.topic, message.partition, message.offset, message.at, event)
            )
    kept = {
        id(line)
        for line in without_repeats([record.event for record in found[LEDGER] if isinstance(record.event, LedgerEntry)])
    }
    return [*found[LOG], *(record for record in found[LEDGER] if id(record.event) in kept)]
