"""A drift in lines that a person reads."""

from stream_app.catalogue.drifts import Drift, shown_at
from stream_app.core.drift.telling.severity import graded


def lines_of(drift: Drift) -> str:
    """When and what, in words, and what became of it."""
    event = drift.latest
    when = "" if drift.at is None else f"{shown_at(drift.at)}  "
    where = f"in {', '.join(event.columns)}" if event.columns else "in its rows"
    where += f" (group {event.group})" if event.group is not None else ""
    said = event.said or f"{event.kind} of {', '.join(event.columns) or 'rows'}"
    window = f"window of {event.window.rows or 'its'} rows sealed" if event.window else "no window sealed"
    return "\n".join(
        plain(line)
        for line in (
            f"{when}{event.dataset}: {event.kind}, {event.onset}, severity {graded(event.severity).word} "
            f"({event.severity:.2f}) {where}",
            f"  {said}",
            f"  effect {event.effect:+.3g} {spelt(event.effect_unit)}; found at row {event.row}, since row "
            f"{event.since_row}" + (f" ({event.since_time})" if event.since_time else ""),
            f"  {window}; planner: {drift.answer}",
            f"  event {event.event_id} by {event.detector}",
        )
    )


def line_of(drift: Drift) -> str:
    """The same in one line, as it comes."""
    event = drift.seen
    when = "" if drift.at is None else f"{shown_at(drift.at)}  "
    said = event.said or f"{event.kind} of {', '.join(event.columns) or 'rows'}"
    return plain(
        f"{when}{event.dataset}  {event.kind}  {graded(event.severity).word}  {said}  "
        f"(row {event.row}, since {event.since_row}; {event.event_id})"
    )


def answer_line(drift: Drift) -> str:
    """What became of a drift that was told before."""
    return plain(f"  {drift.seen.dataset}  {drift.seen.event_id}: {drift.answer}")


def plain(text: str) -> str:
    """Without characters that a terminal obeys: whoever may write to the topic chose the words."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def spelt(unit: str) -> str:
    return unit.replace("_", " ")
