"""A quick bake-off on a sample: candidates are fitted to a few thousand rows and held against rows that none has seen.

Only under an empirical claim: looking at how well families do on the data is a query, and under a formal claim
somebody would have to pay for it.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np

from generators.arrays import Ints
from generators.generation import fit
from generators.profile import take_profile
from generators.protocol import FitFailed, Progress, silent
from generators.registry import entry
from generators.selection import select
from schemas.contract import Contract
from schemas.dependence import Layout, PairTables
from schemas.errors import ContractError, InputError, InsufficientEvidence, PerennialError

if TYPE_CHECKING:
    import pandas as pd

ROWS = 4_000
LEAST = 200
BINS = 12
MOST_PAIRS = 300


@dataclass(frozen=True, slots=True)
class Tasted:
    """How a candidate did. ``distance``: mean total variation of pair tables between its rows and unseen real ones, in
    excess of what two real samples of that size differ by; absent where it failed, and then ``failure`` says why.
    """

    family: str
    distance: float | None
    seconds: float
    failure: str | None = None


def bake_off(
    table: "pd.DataFrame",
    contract: Contract,
    families: Sequence[str],
    seed: int,
    rows: int = ROWS,
    parameters: Mapping[str, Mapping[str, float]] | None = None,
    progress: Progress = silent,
) -> tuple[Tasted, ...]:
    """Candidates from the closest to the farthest, failed ones last; ``rows`` real rows are drawn, half of them unseen.

    ``parameters`` by family. Raises ``ContractError`` under a formal claim, ``InsufficientEvidence`` below 200 rows.
    """
    _refuse_formal(contract)
    if len(table) < LEAST:
        raise InsufficientEvidence(f"a bake-off needs {LEAST} rows at least")
    order = np.random.default_rng(np.random.SeedSequence([seed & (2**64 - 1), 0xBA4E])).permutation(len(table))[:rows]
    seen, unseen = (table.iloc[np.sort(part)].reset_index(drop=True) for part in np.array_split(order, 2))
    found = []
    for place, name in enumerate(families):
        progress(place / len(families), f"tasting {name}", step=place + 1, of=len(families))
        found.append(_tasted(seen, unseen, contract, name, seed, (parameters or {}).get(name, {})))
    progress(1.0, "tasted")
    return tuple(sorted(found, key=lambda one: (one.distance is None, one.distance or 0.0, one.seconds, one.family)))


@dataclass(frozen=True, slots=True)
class Compared:
    """A family in a comparison: ``tasted`` at that ``distance``, ``failed``, or ``refused`` untried, and why."""

    family: str
    verdict: Literal["tasted", "failed", "refused"]
    distance: float | None
    seconds: float | None
    reason: str


def compared(
    table: "pd.DataFrame",
    contract: Contract,
    families: Sequence[str],
    seed: int,
    rows: int = ROWS,
    progress: Progress = silent,
) -> tuple[Compared, ...]:
    """Every family that the choice thinks of, or the named ones alone: those that were tasted from the closest to the
    farthest with what speaks for them, then those that failed, then those that the choice refuses.

    Raises what ``bake_off`` raises, ``InputError`` for an unknown family or a table that had better not be synthesised.
    """
    _refuse_formal(contract)
    plan = select(take_profile(table, contract), contract, len(table))
    if plan.refusals:
        raise InputError("; ".join(plan.refusals))
    reasons = {one.family: one.reason for one in plan.alternatives}
    named = tuple(dict.fromkeys(families))
    for name in named:
        entry(name)
    able = named or tuple(one.family for one in plan.alternatives if one.verdict != "refused")
    told = [
        Compared(one.family, "tasted", one.distance, one.seconds, reasons[one.family])
        if one.failure is None
        else Compared(one.family, "failed", None, one.seconds, one.failure)
        for one in bake_off(table, contract, able, seed, rows, progress=progress)
    ]
    left = () if named else (one for one in plan.alternatives if one.verdict == "refused")
    return (*told, *(Compared(one.family, "refused", None, None, one.reason) for one in left))


def _refuse_formal(contract: Contract) -> None:
    if contract.policy.privacy.claim == "formal":
        raise ContractError(
            "a bake-off looks at the data, and nobody pays for it: a formal claim rests on the contract"
        )


def _tasted(
    seen: "pd.DataFrame",
    unseen: "pd.DataFrame",
    contract: Contract,
    name: str,
    seed: int,
    parameters: Mapping[str, float],
) -> Tasted:
    started = time.process_time()
    try:
        made = fit(seen, contract, name, seed, parameters=parameters)
        if isinstance(made, FitFailed):
            return Tasted(name, None, time.process_time() - started, f"{made.outcome}: {made.detail}")
        drawn = made.model.sample(len(unseen), seed)
    except PerennialError as error:
        return Tasted(name, None, time.process_time() - started, str(error))
    usual = pair_distance(seen, unseen, contract)
    distance = max(0.0, pair_distance(drawn, unseen, contract) - usual)
    return Tasted(name, round(distance, 6), round(time.process_time() - started, 3))


def pair_distance(one: "pd.DataFrame", other: "pd.DataFrame", contract: Contract) -> float:
    """Mean total variation of (up to 300 evenly chosen) pair tables, numbers in 12 quantile bins of ``other``."""
    columns = [column.name for column in contract.modelled]
    coded = [_coded(one[name], other[name]) for name in columns]
    sizes = tuple(int(max(left.max(initial=0), right.max(initial=0))) + 1 for left, right in coded)
    pairs = list(combinations(range(len(columns)), 2)) or [(0, 0)]
    chosen = tuple(pairs[:: -(-len(pairs) // MOST_PAIRS)])
    if len(columns) == 1:
        left, right = (np.bincount(codes, minlength=sizes[0]) / max(1, codes.size) for codes in coded[0])
        return float(np.abs(left - right).sum() / 2)
    layout = Layout(sizes, chosen)
    tables = [PairTables.of(np.stack(side, axis=1), layout) for side in zip(*coded, strict=True)]
    return float(tables[0].total_variation(tables[1]).mean())


def _coded(one: "pd.Series[float]", other: "pd.Series[float]") -> tuple[Ints, Ints]:
    """Codes of both columns on shared bins; 0 is missing, the last category is a rest."""
    import pandas as pd

    if other.dtype.kind in "Ob":
        kept = other.value_counts().index[: BINS - 1]
        codes = [pd.Index(kept).get_indexer(pd.Index(side)).astype(np.int64) for side in (one, other)]
        named = [np.where(found < 0, len(kept) + 1, found + 1) for found in codes]
        left, right = (
            np.where(side.isna().to_numpy(dtype=bool), 0, found)
            for side, found in zip((one, other), named, strict=True)
        )
        return left, right
    numbers = [_numbers(side) for side in (one, other)]
    present = numbers[1][~np.isnan(numbers[1])]
    edges = np.unique(np.quantile(present, np.arange(1, BINS) / BINS)) if present.size else np.zeros(0)
    left, right = (
        np.where(np.isnan(side), 0, np.searchsorted(edges, side, side="right") + 1).astype(np.int64) for side in numbers
    )
    return left, right


def _numbers(values: "pd.Series[float]") -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    if values.dtype.kind == "M":
        micro = values.to_numpy(dtype="datetime64[us]").astype(np.int64) / 1e6
        return np.where(values.isna(), np.nan, micro)
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
