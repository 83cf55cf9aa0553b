"""The reference profile of a dataset: bins, exact counts, and how much blocks of the reference itself vary.

Real streams are autocorrelated (hours of a day, days of a week): a test that assumes independent rows would alarm at
once. So every channel learns from the reference's own blocks, in time order, by how much sums over 1, 2, 4, ...
blocks vary more than independent rows would, and is scaled down by it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.contract import Contract
from schemas.drift import DriftPolicy
from schemas.errors import ContractError, InsufficientEvidence
from stream_app.core.drift.baseline import Baseline, learn_baseline
from stream_app.core.drift.bins import MISSING, NEW, Codes, ColumnBins, Floats, encode, learn_bins
from stream_app.core.drift.packing import pack, unpack
from stream_app.core.drift.scores import Channel, channels, count, rare, scores

if TYPE_CHECKING:
    import pandas as pd

MINIMUM_ROWS = 500
_FEWEST_BLOCKS = 20
_SHORTEST_BLOCK = 50
_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Reference:
    """A baseline with the centre and spread of every channel's block score, and the rates of rare cells.

    ``rates`` and ``clumping`` (2 * columns,): expected missing and new cells a row, and by how much more than a Poisson
    count they vary from block to block.
    """

    baseline: Baseline
    block_rows: int
    centre: Floats
    spread: Floats
    rates: Floats
    clumping: Floats

    @property
    def channels(self) -> tuple[Channel, ...]:
        return channels(self.baseline)

    @property
    def blocks(self) -> int:
        """Whole blocks in the reference."""
        return self.baseline.rows // self.block_rows

    def encode(self, frame: "pd.DataFrame") -> Codes:
        """(rows, columns) codes of a frame with (some of) the reference's columns."""
        return encode(frame, self.baseline.bins)

    def to_json(self) -> str:
        """The profile as JSON without cell values other than bin edges and categories."""
        own = {field.name: getattr(self.baseline, field.name) for field in fields(Baseline)}
        baseline = {
            name: pack(value) if isinstance(value, np.ndarray) else value
            for name, value in own.items()
            if name != "bins"
        }
        arrays = {name: pack(getattr(self, name)) for name in ("centre", "spread", "rates", "clumping")}
        return json.dumps(
            {
                "baseline": baseline | {"bins": [asdict(column) for column in self.baseline.bins]},
                "block_rows": self.block_rows,
                **arrays,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "Reference":
        """The profile that ``to_json`` wrote; raises ``ContractError`` on any other text."""
        try:
            document = json.loads(text)
            own = document.pop("baseline")
            bins = tuple(ColumnBins(**_tuples(column)) for column in own.pop("bins"))
            plain: dict[str, Any] = {
                name: unpack(value) if isinstance(value, dict) else tuple(value) if isinstance(value, list) else value
                for name, value in own.items()
            }
            arrays: dict[str, Any] = {
                name: unpack(value) if isinstance(value, dict) else value for name, value in document.items()
            }
            return cls(Baseline(bins=bins, **plain), **arrays)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ContractError("not a reference profile") from None


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}


def build_reference(frame: "pd.DataFrame", contract: Contract, policy: DriftPolicy | None = None) -> Reference:
    """Learn the profile of ``frame``: its rows by the contract's time column where it has one, else in the order given.

    Raises ``InsufficientEvidence`` under 500 rows or without a modelled column.
    """
    bins = learn_bins(frame, contract)
    if len(frame) < MINIMUM_ROWS or not bins:
        raise InsufficientEvidence(f"a reference needs at least {MINIMUM_ROWS} rows and one modelled column")
    names = [column.name for column in bins]
    groups = tuple(names.index(name) for name in dict.fromkeys(contract.policy.subgroups) if name in names)
    first = tuple(names.index(name) for name in (contract.policy.target,) if name in names)
    codes = encode(in_time_order(frame, contract), bins)
    return calibrate(codes, bins, groups, policy or DriftPolicy(), first)


def in_time_order(frame: "pd.DataFrame", contract: Contract) -> "pd.DataFrame":
    """The rows by the contract's time column, stably; as given where the frame has none."""
    from schemas.table import conform

    if contract.time is None or contract.time not in frame.columns:
        return frame
    times = conform(frame[[contract.time]], contract, roles=("time",)).table[contract.time]
    return frame.iloc[np.argsort(times.to_numpy(dtype=object if times.dtype == object else None), kind="stable")]


def calibrate(
    codes: Codes,
    bins: tuple[ColumnBins, ...],
    subgroups: tuple[int, ...],
    policy: DriftPolicy,
    first: tuple[int, ...] = (),
    floor: Mapping[Channel, float] | None = None,
) -> Reference:
    """A reference from (rows, columns) codes in order of time; ``floor`` are spreads that channels had before."""
    baseline = learn_baseline(codes, bins, subgroups, first)
    block_rows = max(_SHORTEST_BLOCK, min(policy.block_rows, len(codes) // _FEWEST_BLOCKS))
    number = len(codes) // block_rows
    blocks = codes[: number * block_rows].reshape(number, block_rows, -1)
    found, cells = [], []
    for start in range(0, number, _AT_ONCE):
        counts = count(blocks[start : start + _AT_ONCE], baseline)
        found.append(scores(counts, baseline, -block_rows / len(codes)))
        cells.append(rare(counts, baseline))
    table, seen = np.concatenate(found), np.concatenate(cells)
    spread = _inflation(table)
    if floor:
        spread = np.maximum(spread, [floor.get(channel, 1.0) for channel in channels(baseline)])
    own = np.concatenate([baseline.marginals[:, MISSING], baseline.marginals[:, NEW]])
    fresh = np.asarray([0.0] * len(bins) + [column.fresh for column in bins])
    mean = seen.mean(axis=0)
    clumping = np.where(mean > 0, seen.var(axis=0) / np.where(mean > 0, mean, 1), 1.0)
    # The upper end of what the rate may be: a rate from few cells must not make a stationary stream look rich in them.
    rates = (np.maximum(own, fresh * len(codes)) + 3 * np.sqrt(own) + 1) / len(codes)
    return Reference(baseline, block_rows, table.mean(axis=0), spread, rates, np.maximum(1.0, clumping))


def _inflation(table: Floats) -> Floats:
    """(channels,) the largest standard deviation of sums over 1, 2, 4, ... blocks, over that of independent scores.

    At least 1. Each is lowered by its own standard error, so that chance alone inflates little.
    """
    found = np.ones(table.shape[1])
    width = 1
    while len(table) // width >= 8:
        groups = len(table) // width
        sums = table[: groups * width].reshape(groups, width, -1).sum(axis=1) / np.sqrt(width)
        found = np.maximum(found, sums.std(axis=0, ddof=1) / (1 + 1 / np.sqrt(2 * (groups - 1))))
        width *= 2
    return found


def spreads(reference: Reference) -> dict[Channel, float]:
    """The largest spread of each kind of channel, to carry over to a baseline learnt from fewer rows."""
    found: dict[Channel, float] = {}
    for channel, spread in zip(reference.channels, reference.spread, strict=True):
        found[channel] = max(found.get(channel, 1.0), float(spread))
    return found
