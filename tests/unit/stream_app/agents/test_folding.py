"""What a fold is given for a gap in its log: every offset once, a hole where the broker holds nothing."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.events.plans import Ticked
from stream_app.agents.folding import filled
from stream_app.core.entry import Entry, Hole, Record


def entry(offset: int) -> Entry:
    return Entry(Ticked(event_id=f"{offset:032x}", target="flights"), "flights", 1_000 + offset, offset)


@given(st.integers(0, 50), st.integers(0, 30), st.data())
def test_every_offset_of_a_gap_comes_once_and_in_order(start: int, length: int, data: st.DataObject) -> None:
    gap = range(start, start + length)
    held = sorted(data.draw(st.sets(st.sampled_from(gap)))) if length else []
    records: list[Record] = list(filled((entry(offset) for offset in held), gap))
    assert [record.offset for record in records] == list(gap)
    assert [record.offset for record in records if isinstance(record, Entry)] == held


def test_a_marker_at_the_end_of_a_gap_is_a_hole() -> None:
    assert list(filled(iter([entry(4)]), range(4, 6))) == [entry(4), Hole(5)]
