"""The page of the docs: each fault, what refused it here, and what the peers say of the same files."""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.benchmarks.faults.bases import CUSTOMERS, EACH, SIZES
from tests.benchmarks.faults.judge import Judgement
from tests.benchmarks.faults.opinions import NOTICEABLE, noticed, peers
from tests.benchmarks.peers.ask import Answer
from tests.benchmarks.peers.catalogue import PEERS, Peer

COMMAND = "make bench-faults"


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a base or a fault, the judgement and the peers' answers by name."""

    name: str
    simulates: str
    base: str
    judgement: Judgement
    metrics: tuple[str, ...] = ()
    caught: tuple[str, ...] = ()
    answers: dict[str, Answer] = field(default_factory=dict)


def page(bases: "list[Row]", faults: "list[Row]") -> str:
    """The whole page in Markdown; ``bases`` are the unfaulted tables that scores are compared with."""
    fresh = {base: [row for row in bases if row.base == base and row.name.startswith("fresh")] for base in
             {row.base for row in bases}}  # fmt: skip
    lines = [*_head(faults), "## Without a fault", "", *_table(bases, {}, "refused by")]
    lines += ["", "## With a fault", "", *_table(faults, fresh, "caught by"), "", *_tally(faults, fresh), "", *_foot()]
    return "\n".join(lines) + "\n"


def _head(faults: "list[Row]") -> list[str]:
    caught = sum(bool(row.caught) for row in faults)
    rows = " / ".join(f"{size:,}" for size in SIZES[:4])
    customers = " / ".join(str(size) for size in CUSTOMERS[:4])
    return [
        "# Planted faults",
        "",
        *_paragraph(f"""
            Made by `{COMMAND}`; do not edit. {len(faults)} faults, each planted in a table of fresh real rows (the
            first table says how those fare without it); {caught} are caught here, by a metric that was named for the
            fault beforehand. Beside it stands what other evaluators say of the same files.
        """),
        *_paragraph(f"""
            `adult`: census rows, train / holdout / attacker's reference / candidate {rows}. `adult_cohort`: the same
            and a code that two other columns determine together. `payments`: card payments, {EACH} in a row of each of
            {customers} customers, with keys, references and times.
        """),
        *_paragraph(f"""
            A peer **notices** a fault where one of its scores is worse than on both fresh real tables by more than
            {NOTICEABLE:g}; the scores that moved stand in brackets, on the closer fresh table and here. An error or a
            refusal to read the file is no notice and is quoted. Peers see train, a holdout of the same size and the
            candidate, and what a careful user would tell them of types, keys and sequences; none of them reads a
            policy.
        """),
    ]


def _paragraph(text: str) -> list[str]:
    return [*textwrap.wrap(" ".join(text.split()), 118, break_on_hyphens=False), ""]


def _table(rows: "list[Row]", fresh: "dict[str, list[Row]]", column: str) -> list[str]:
    asked = [peer for peer in peers() if any(peer.name in row.answers for row in rows)]
    head = ["table" if not fresh else "fault", "what it is", "verdict", column, *(peer.name for peer in asked)]
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    for row in rows:
        said = [_cell(peer, row, fresh.get(row.base, [])) for peer in asked]
        cells = [
            f"`{row.name}`",
            f"{row.simulates} ({row.base})",
            row.judgement.verdict,
            _found(row, bool(fresh)),
            *said,
        ]
        lines.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    return lines


def _found(row: Row, faulted: bool) -> str:
    if not faulted:
        return _names(row.judgement.refused) or "nothing"
    if not row.caught:
        return f"**not caught** (asked of {_names(row.metrics)}; refused: {_names(row.judgement.refused) or 'nothing'})"
    others = [name for name in row.judgement.refused if name not in row.caught]
    return _names(row.caught) + (f" (also {_names(others)})" if others else "")


def _names(metrics: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in metrics)


def _cell(peer: Peer, row: Row, fresh: "list[Row]") -> str:
    answer = row.answers.get(peer.name)
    if answer is None:
        return "not asked"
    if answer.reason is not None:
        return f"no answer: {answer.reason}"
    if not fresh:
        return ", ".join(f"{name} {value:.3f}" for name, value in list(answer.scores.items())[:4])
    moved = noticed(peer, answer, [other.answers[peer.name] for other in fresh if peer.name in other.answers])
    if not moved:
        return "does not notice"
    worst = sorted(moved.items(), key=lambda item: -abs(item[1][0] - item[1][1]))
    shown = ", ".join(f"{name} {before:.3f} → {after:.3f}" for name, (before, after) in worst[:3])
    return f"notices ({shown}{', …' if len(worst) > 3 else ''})"


def _tally(faults: "list[Row]", fresh: "dict[str, list[Row]]") -> list[str]:
    lines = [f"Caught here: {sum(bool(row.caught) for row in faults)} of {len(faults)}."]
    for peer in peers():
        cells = [_cell(peer, row, fresh.get(row.base, [])) for row in faults if peer.name in row.answers]
        if cells:
            seen, none = (
                sum(cell.startswith("notices") for cell in cells),
                sum(cell.startswith("no answer") for cell in cells),
            )
            lines.append(f"{peer.name} notices {seen} of {len(cells)} and gives no answer on {none}.")
    return [" ".join(lines)]


def _foot() -> list[str]:
    lines = ["## The peers", "", "| peer | version | licence | what is asked |", "| --- | --- | --- | --- |"]
    lines += [f"| {peer.name} | {peer.version} | {peer.licence} | {peer.says} |" for peer in PEERS.values()]
    notes = _paragraph("""
        Each runs in an environment of its own under `.peers/`, made by uv from the pinned list in
        `tests/benchmarks/peers/`; nothing of them is part of the project. sdmetrics' DCR measure is left out: it took
        two minutes on a table of 4,000 rows. syntheval is given missing text as one more category and drops rows that
        miss a number. mostlyai-qa gets the account as its context key where rows are sequences. pycanon is the peer of
        class counting (`make bench-validators`) and is not asked here.
    """)
    return [*lines, "", *notes[:-1]]
