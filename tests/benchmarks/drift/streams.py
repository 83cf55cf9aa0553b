"""Seeded streams of 15 mixed columns, without a change or with one of a named kind from a known row on.

Nine numbers and six categories. ``x0`` and ``x1`` correlate by 0.5; ``x3`` is log-normal, ``x4`` lacks a tenth of its
cells, ``x6`` is an integer; ``c0`` (two values, 2/3 and 1/3) is the contract's subgroup; shares of categories fall as
1/rank. Numbers may follow an AR(1) process, categories have no memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from schemas.contract import Column, Contract, Policy, Privacy

Floats = np.ndarray[Any, np.dtype[np.float64]]

NUMBERS = tuple(f"x{place}" for place in range(9))
CATEGORIES = tuple(f"c{place}" for place in range(6))
COLUMNS = (*NUMBERS, *CATEGORIES)
CONTRACT = Contract(
    dataset="bench",
    policy=Policy(privacy=Privacy(scope="bench"), subgroups=("c0",)),
    columns=(
        *(Column(name=name, type="number") for name in NUMBERS),
        *(Column(name=name, type="string") for name in CATEGORIES),
    ),
)
REFERENCE_ROWS = 50_000
_WARM = 1_000
_CORRELATION = 0.5
_SHARES = {name: 1 / np.arange(1, 3 + 3 * place) for place, name in enumerate(CATEGORIES)}
_SHARES = {name: shares / shares.sum() for name, shares in _SHARES.items()}
_NAMES = {
    name: np.array([f"v{code:02d}" for code in range(len(shares))], dtype=object) for name, shares in _SHARES.items()
}


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of the stream: everything that is not named stays as it was.

    ``shift`` of the mean of ``x2`` and factor ``scale`` of its standard deviation; ``rho`` of ``x0`` and ``x1``;
    ``within`` the subgroup ``v01`` of ``c0`` the mean of ``x2`` moves by so much and elsewhere by half of it the other
    way, rescaled, so that mean and variance of the column stay; ``share`` of rows that pass from ``v00`` to ``v01`` of
    ``c2``; share of rows with a ``new`` value of ``c5``; share of cells of ``x5`` that go ``missing``.

    ``onset``: ``abrupt`` at one row; ``gradual``, each row is of the new regime with a probability that rises linearly
    to 1 over ``ramp`` rows; ``incremental``, the change itself grows linearly to its full size over ``ramp`` rows.
    ``columns`` are those that a detector should name.
    """

    says: str
    columns: tuple[str, ...]
    onset: Literal["abrupt", "gradual", "incremental"] = "abrupt"
    ramp: int = 0
    shift: float = 0.0
    scale: float = 1.0
    rho: float = _CORRELATION
    within: float = 0.0
    share: float = 0.0
    new: float = 0.0
    missing: float = 0.0

    def part(self, start: int, chance: Floats) -> Floats:
        """(rows,) how much of the change each row has, 0 to 1, by its uniform ``chance``; 0 before row ``start``."""
        age = np.arange(len(chance)) - start
        if self.onset == "abrupt":
            return (age >= 0).astype("float64")
        grown: Floats = np.clip((age + 1) / self.ramp, 0.0, 1.0)
        return grown if self.onset == "incremental" else (chance < grown).astype("float64")


UNCHANGED = Change("no change", ())
CHANGES: dict[str, Change] = {
    "mean": Change("mean of one column +0.25 sd", ("x2",), shift=0.25),
    "gradual": Change("mean +1 sd, in more and more rows over 10,000", ("x2",), "gradual", 10_000, shift=1.0),
    "incremental": Change("mean moves to +1 sd over 20,000 rows", ("x2",), "incremental", 20_000, shift=1.0),
    "variance": Change("variance of one column x1.25", ("x2",), scale=1.25**0.5),
    "spread": Change("standard deviation of one column x1.25 (variance x1.56)", ("x2",), scale=1.25),
    "correlation": Change("correlation 0.5 to 0, both columns as they were", ("x0", "x1"), rho=0.0),
    "subgroup": Change("mean +0.4 sd in a third, -0.2 sd elsewhere; the column as it was", ("x2", "c0"), within=0.4),
    "category": Change("5 points from one category to another", ("c2",), share=0.05),
    "new category": Change("a new category in 1 % of rows", ("c5",), new=0.01),
    "missingness": Change("missing cells 0 to 2 %", ("x5",), missing=0.02),
}
"""Nine kinds of change; variance by both readings of "x1.25"."""


class Source:
    """An endless stream, taken in pieces: the seed and the sizes of the pieces define what comes."""

    def __init__(self, seed: int | tuple[int, ...], phi: float = 0.0) -> None:
        self._random = np.random.default_rng(seed)
        self._phi = phi
        self._memory = np.zeros((1, len(NUMBERS)))
        if phi:
            self._noise(_WARM)

    def take(self, rows: int, change: Change = UNCHANGED, start: int = 0) -> pd.DataFrame:
        """The next rows; ``change`` from the ``start``-th of them on."""
        noise = self._noise(rows)
        # One draw for each cell whatever the change: streams of one seed differ by their change alone.
        chance = {name: self._random.random(rows) for name in (*CATEGORIES, "x4", "x5", "share", "new", "onset")}
        part = change.part(start, chance["onset"])
        categories = {name: np.searchsorted(shares.cumsum()[:-1], chance[name]) for name, shares in _SHARES.items()}
        columns = self._numbers(noise, part, change, categories["c0"], chance)
        moved = (categories["c2"] == 0) & (chance["share"] < change.share / _SHARES["c2"][0] * part)
        categories["c2"] = np.where(moved, 1, categories["c2"])
        texts = {name: _NAMES[name][codes] for name, codes in categories.items()}
        texts["c5"] = np.where(chance["new"] < change.new * part, "v17", texts["c5"])
        return pd.DataFrame({**columns, **texts})

    def pieces(self, rows: int, piece: int = 50_000) -> Iterator[pd.DataFrame]:
        """So many rows in pieces that memory can hold."""
        for start in range(0, rows, piece):
            yield self.take(min(piece, rows - start))

    def _noise(self, rows: int) -> Floats:
        """(rows, numbers) standard normal, each column an AR(1) process that goes on from the last call."""
        fresh = self._random.standard_normal((rows, len(NUMBERS)))
        if not self._phi:
            return fresh
        from scipy.signal import lfilter

        noise, self._memory = lfilter([(1 - self._phi**2) ** 0.5], [1, -self._phi], fresh, axis=0, zi=self._memory)
        return np.asarray(noise)

    @staticmethod
    def _numbers(
        noise: Floats, part: Floats, change: Change, group: "np.ndarray[Any, Any]", chance: dict[str, Floats]
    ) -> dict[str, Floats]:
        rho = _CORRELATION + (change.rho - _CORRELATION) * part
        noise[:, 1] = rho * noise[:, 0] + np.sqrt(1 - rho**2) * noise[:, 1]
        columns = dict(zip(NUMBERS, noise.T, strict=True))
        # Between the two groups lies a variance of within^2 / 2.
        inside = change.within * np.where(group == 1, 1.0, -0.5) + np.sqrt(1 - change.within**2 / 2) * noise[:, 2]
        columns["x2"] = (1 - part) * noise[:, 2] + part * (inside * change.scale + change.shift)
        columns["x3"] = np.exp(noise[:, 3])
        columns["x4"] = np.where(chance["x4"] < 0.1, np.nan, noise[:, 4])
        columns["x5"] = np.where(chance["x5"] < change.missing * part, np.nan, noise[:, 5])
        columns["x6"] = np.floor(3 * noise[:, 6])
        return columns


def reference(seed: int = 1, phi: float = 0.0) -> pd.DataFrame:
    """50,000 rows in order of time, of the process that the streams follow before they change."""
    return Source((0, seed), phi).take(REFERENCE_ROWS)


def changing(kind: str, seed: int) -> tuple[pd.DataFrame, int]:
    """A stream of 40,000 rows (60,000 for an incremental change) and the row of its change.

    The change lies at a row drawn between 10,000 and 11,000, so that it favours no detector's blocks.
    """
    place = list(CHANGES).index(kind)
    start = 10_000 + int(np.random.default_rng((1, place, seed)).integers(1_000))
    rows = 40_000 if CHANGES[kind].onset != "incremental" else 60_000
    return Source((2, place, seed)).take(rows, CHANGES[kind], start), start


def ranks(frame: pd.DataFrame, against: pd.DataFrame) -> pd.DataFrame:
    """Every cell's mid-rank in ``against``, 0 to 1: categories in order of their names; missing cells stay missing."""
    found = {}
    for name in frame:
        known, cells = against[name].dropna(), frame[name]
        if known.dtype == object:
            values = {value: float(code) for code, value in enumerate(sorted(known.unique()))}
            known, cells = known.map(values), cells.map(values).fillna(float(len(values)))
        ordered = np.sort(known.to_numpy(dtype="float64"))
        wanted = cells.to_numpy(dtype="float64")
        sides = np.searchsorted(ordered, wanted, "left") + np.searchsorted(ordered, wanted, "right")
        found[str(name)] = np.where(np.isnan(wanted), np.nan, sides / (2 * len(ordered)))
    return pd.DataFrame(found)
