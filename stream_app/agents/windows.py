"""Windows of live rows: read again from the log where counts say they lie, deletes taken out, and sealed."""

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from schemas.contract import Contract
from schemas.errors import ContractError, InsufficientEvidence
from schemas.events.sources import RecordsObserved, SourceRef
from schemas.table import conform
from stream_app.adapters.reader import read_range
from stream_app.adapters.row_batches import rows_of
from stream_app.adapters.workplace import Workplace
from stream_app.agents.profiling import WATCHED
from stream_app.core.drift.aggregator import Span
from stream_app.core.drift.private.live_test import Stretches

if TYPE_CHECKING:
    import pandas as pd

Batches = dict[tuple[str, int], RecordsObserved]


def sealed(
    bootstrap: str, workplace: Workplace, contract: Contract, spans: list[Span], first: int, name: str
) -> tuple[SourceRef, int]:
    """The rows from row ``first`` of the stream on, stored for the stations that may open them, and how many they are.

    Blocking, for a thread. Raises ``InsufficientEvidence`` where the broker no longer holds any of them.
    """
    window = gathered(batches(bootstrap, spans), contract, spans, first)
    if window.empty:
        raise InsufficientEvidence("none of the window's rows is held by the broker any more")
    return workplace.seal_window(window, name), len(window)


def sealed_whole(
    bootstrap: str, workplace: Workplace, contract: Contract, stretches: Stretches, name: str
) -> tuple[SourceRef, int]:
    """All rows of the dataset's messages in the stretches, for a private test: stored as ``sealed`` does.

    No row is cut off at a number of rows: neighbouring streams would then differ in a second row.
    """
    found = (event for origin, span in sorted(stretches.items()) for event in _messages(bootstrap, origin, *span))
    window = remaining((event for event in found if event.dataset == contract.dataset), contract)
    if window.empty:
        raise InsufficientEvidence("none of the window's rows is held by the broker any more")
    return workplace.seal_window(window, name), len(window)


def _messages(bootstrap: str, origin: str, first: int, last: int) -> Iterable[RecordsObserved]:
    topic, _, partition = origin.rpartition("/")
    for message in read_range(bootstrap, topic, int(partition), first, last + 1):
        try:
            event = message.event()
        except ContractError:
            continue
        if isinstance(event, RecordsObserved):
            yield event


def remaining(events: Iterable[RecordsObserved], contract: Contract) -> "pd.DataFrame":
    """The inserted rows, typed; each deleted row takes out one that equals it.

    One and not all, so that a row more in any message, of inserts or of deletes, changes the window by one row.
    Messages that cannot be typed, whatever their cells, are left out.
    """
    import pandas as pd

    pieces: list[pd.DataFrame] = []
    present, gone, at = defaultdict[int, list[int]](list), set[int](), 0
    for event in events:
        if event.operation == "label":
            continue
        try:
            frame = conform(rows_of(event), contract, roles=WATCHED).table
        except ContractError:
            continue
        keys = pd.util.hash_pandas_object(frame, index=False).tolist()
        if event.operation == "delete":
            gone.update(present[key].pop() for key in keys if present[key])
            continue
        for place, key in enumerate(keys, start=at):
            present[key].append(place)
        pieces.append(frame)
        at += len(frame)
    if not pieces:
        return pd.DataFrame()
    return pd.concat(pieces, ignore_index=True).drop(index=sorted(gone)).reset_index(drop=True)


def batches(bootstrap: str, spans: list[Span]) -> Batches:
    """The messages of the spans by origin and offset; those that are gone, or no batches, are left out."""
    wanted = defaultdict[str, list[Span]](list)
    for span in spans:
        wanted[span.origin].append(span)
    found: Batches = {}
    for origin, own in wanted.items():
        topic, _, partition = origin.rpartition("/")
        offsets = {span.offset for span in own}
        for message in read_range(bootstrap, topic, int(partition), min(offsets), max(offsets) + 1):
            if message.offset in offsets:
                try:
                    event = message.event()
                except ContractError:
                    continue
                if isinstance(event, RecordsObserved):
                    found[origin, message.offset] = event
    return found


def gathered(found: Batches, contract: Contract, spans: list[Span], first: int) -> "pd.DataFrame":
    """The rows of the spans in their order, typed, less those that a later delete names: the inserted ones or, where
    labels come late, the labelled ones that do have their target.
    """
    import pandas as pd

    target = contract.policy.target if contract.policy.drift.late_labels else None
    pieces: list[pd.DataFrame] = []
    for span in spans:
        event = found.get((span.origin, span.offset))
        if event is None:
            continue
        frame = conform(rows_of(event), contract, roles=WATCHED).table
        if event.operation == "delete":
            gone = set(_keys(frame, target))
            pieces = [kept[~_keys(kept, target).isin(gone)] for kept in pieces]
        elif (event.operation == "label") == (target is not None):
            fresh = frame.iloc[max(0, first - span.first) :]
            pieces.append(fresh if target is None else fresh[fresh[target].notna()])
    return pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame()


def _keys(frame: "pd.DataFrame", target: str | None) -> "pd.Series[Any]":
    """(rows,) what rows are known by; of a row whose label came late, a delete may say the target or not."""
    import pandas as pd

    return pd.util.hash_pandas_object(frame if target is None else frame.drop(columns=target), index=False)
