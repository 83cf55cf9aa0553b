"""What a contract's balance and a run's shares wish of a table: margins over cells of listed values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from generators.arrays import Floats, Ints
from generators.sampling.cells import Cells, categories, cells_of
from generators.sampling.raking import Margin, apportioned, raked, settled, with_parity
from schemas.contract import Contract, Scalar
from schemas.errors import InputError
from schemas.generation import Balance, Parity

Where = Mapping[str, tuple[Scalar, float]]


@dataclass(frozen=True, slots=True)
class Wish:
    """``shares`` of listed values by column, ``floors`` below which no drawn value of a column may stay, ``parity``."""

    shares: Mapping[str, tuple[tuple[Scalar, float], ...]]
    floors: Mapping[str, float]
    parity: tuple[Parity, ...]
    cells: Cells

    @property
    def fixed(self) -> tuple[int, ...]:
        """The axes whose shares are wished: these are met to the row."""
        return tuple(self.cells.axis(name) for name in (*self.shares, *self.floors))

    def joint(self, drawn: Ints, rows: int) -> Floats:
        """(cells,) wished shares of a table of ``rows`` rows, from how many of each the generator drew."""
        margins = [self._margins(name, drawn) for name in (*self.shares, *self.floors)]
        joint = raked(drawn, margins)
        equal = [list(self._parity(item, joint, rows)) for item in self.parity]
        return raked(drawn, [*margins, *equal]) if equal else joint

    def counts(self, drawn: Ints, rows: int) -> Ints:
        """(cells,) whole rows that add up to ``rows``; wished shares are met to the row, one column after another."""
        joint = self.joint(drawn, rows)
        # A cell that was never drawn gets rows only where a margin cannot be met without it.
        joint = np.where((drawn > 0) | (joint * rows >= 0.5), joint, 0.0)
        counts = apportioned(joint, rows)
        for name in (*self.shares, *self.floors):
            place = self.cells.axis(name)
            counts = settled(counts, joint, self.cells, place, apportioned(self._wished(name, drawn), rows))
        return counts

    def _margins(self, name: str, drawn: Ints) -> list[Margin]:
        place = self.cells.axis(name)
        wished = self._wished(name, drawn)
        return [Margin(self.cells.having(place, code), float(share)) for code, share in enumerate(wished)]

    def _wished(self, name: str, drawn: Ints) -> Floats:
        """(codes,) wished shares of every code of a column; those that nobody listed share what is left as drawn."""
        place = self.cells.axis(name)
        axis = self.cells.axes[place]
        own = np.bincount(self.cells.codes(place), drawn, minlength=axis.size) / max(1, int(drawn.sum()))
        if name in self.floors:
            return _raised(own, self.floors[name])
        wished = np.full(axis.size, np.nan)
        for value, share in self.shares[name]:
            wished[axis.place(value)] = share
        free = np.isnan(wished)
        left = max(0.0, 1 - float(wished[~free].sum()))
        weights = own[free] if own[free].sum() > 0 else np.where(np.arange(axis.size)[free] == axis.size - 1, 1.0, 0.0)
        wished[free] = left * weights / weights.sum()
        return wished

    def _parity(self, item: Parity, joint: Floats, rows: int) -> Iterator[Margin]:
        groups, outcome = self.cells.axis(item.subgroup), self.cells.axis(item.outcome)
        axis = self.cells.axes[groups]
        favourable = self.cells.having(outcome, self.cells.axes[outcome].place(item.favourable))
        codes = self.cells.codes(groups)
        weights: Floats = np.bincount(codes, joint, minlength=axis.size).astype(np.float64)
        liked = np.bincount(codes, np.where(favourable, joint, 0.0), minlength=axis.size)
        weights[-1] = 0.0  # rows without a listed value are no group
        weights = np.where(weights * rows >= 1, weights, 0.0)
        rates: Floats = np.divide(liked, weights, out=np.zeros(axis.size), where=weights > 0)
        least = float(weights[weights > 0].min()) * rows if weights.any() else 1.0
        # Whole rows may add up to one row's share on either side.
        wished = with_parity(rates, weights, max(0.0, item.difference - 2 / max(1.0, least)))
        for code in np.flatnonzero(weights):
            yield Margin((codes == code) & favourable, float(weights[code] * wished[code]))
            yield Margin((codes == code) & ~favourable, float(weights[code] * (1 - wished[code])))


def _raised(own: Floats, floor: float) -> Floats:
    """Every listed value that is drawn at all has at least ``floor``; the others give in proportion."""
    drawn = own[:-1] > 0
    if floor * int(drawn.sum()) > 1:
        raise InputError("a column has too many values for each to have the wished least share")
    wished = own.copy()
    low = np.append(drawn & (own[:-1] < floor), False)
    while True:
        rest = own[~low].sum()
        wished = np.where(low, floor, own * (1 - floor * int(low.sum())) / rest if rest > 0 else 0.0)
        fallen = np.append(drawn & (wished[:-1] < floor - 1e-12), False)
        if not fallen.any():
            return wished
        low |= fallen


def wish_of(contract: Contract, where: Where | None) -> Wish | None:
    """What the contract's balance and the run's ``where`` wish together, the run's share of a column before the
    contract's; none where nothing is wished. Raises ``InputError``.
    """
    balance = contract.policy.generation.balance or Balance()
    shares: dict[str, tuple[tuple[Scalar, float], ...]] = {}
    for quota in balance.quotas:
        shares[quota.column] = quota.shares or _equal(contract, quota.column)
    for item in balance.shares:
        shares[item.column] = (*_others(shares.get(item.column, ()), item.value), (item.value, item.share))
    shares |= {name: ((value, share),) for name, (value, share) in (where or {}).items()}
    for name, listed in shares.items():
        if any(not 0 <= share <= 1 for _, share in listed) or sum(share for _, share in listed) > 1 + 1e-9:
            raise InputError(f"cannot fix the share of {name}: shares lie between 0 and 1, and add up to 1 at most")
    floors = {name: floor for name, floor in balance.rare if name not in shares}
    if not shares and not floors and not balance.parity:
        return None
    listed_values: dict[str, list[Scalar]] = {name: [value for value, _ in items] for name, items in shares.items()}
    listed_values |= {name: [*categories(contract, name, "raising rare values")] for name in floors}
    for parity in balance.parity:
        listed_values.setdefault(parity.subgroup, [])
        listed_values[parity.subgroup] += categories(contract, parity.subgroup, "parity between groups")
        listed_values.setdefault(parity.outcome, []).append(parity.favourable)
    return Wish(shares, floors, balance.parity, cells_of(contract, listed_values))


def _others(listed: tuple[tuple[Scalar, float], ...], value: Scalar) -> tuple[tuple[Scalar, float], ...]:
    return tuple(item for item in listed if item[0] != value)


def _equal(contract: Contract, name: str) -> tuple[tuple[Scalar, float], ...]:
    values = categories(contract, name, "an equal quota")
    return tuple((value, 1 / len(values)) for value in values)
