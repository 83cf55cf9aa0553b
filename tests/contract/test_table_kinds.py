"""Every family on every kind of table: schema, domains, row count, determinism; no copies where a family claims so.

Deep families run with few steps (``quickly``): what is asked here is that they keep the protocol, not that they are
good.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from generators.generation import Generated, generate
from generators.registry import FAMILIES, available, family
from schemas.contract import Categories, Column, Contract, Policy, Privacy, Range
from schemas.table import conform
from tests.contract.quickly import QUICKLY, meets

ROWS = 400
DAY = 86_400.0
FIRST, LAST = 1_577_836_800.0, 1_640_908_800.0
Rng = np.random.Generator
Made = tuple[Column, Any]


def number(name: str, rng: Rng, rows: int) -> Made:
    domain = Range(lower=-50, upper=50, resolution=0.01, confirmed=True)
    return Column(name=name, type="number", required=True, domain=domain), np.round(rng.normal(0, 12, rows), 2)


def whole(name: str, rng: Rng, rows: int) -> Made:
    domain = Range(lower=0, upper=5_000, resolution=1, confirmed=True)
    return Column(name=name, type="integer", required=True, domain=domain), rng.poisson(40, rows)


def category(name: str, rng: Rng, rows: int) -> Made:
    domain = Categories(values=("red", "green", "blue", "grey"), confirmed=True)
    chosen = rng.choice(domain.values, rows, p=[0.6, 0.25, 0.1, 0.05])
    return Column(name=name, type="string", required=True, domain=domain), chosen


def flag(name: str, rng: Rng, rows: int) -> Made:
    domain = Categories(values=(False, True), confirmed=True)
    return Column(name=name, type="boolean", required=True, domain=domain), rng.random(rows) < 0.3


def day(name: str, rng: Rng, rows: int) -> Made:
    domain = Range(lower=FIRST, upper=LAST, resolution=DAY, confirmed=True)
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 700, rows), unit="D")
    return Column(name=name, type="date", required=True, domain=domain), days


def gaps(name: str, rng: Rng, rows: int) -> Made:
    domain = Range(lower=0, upper=100, resolution=0.5, confirmed=True)
    values = pd.Series(np.round(rng.uniform(0, 100, rows) * 2) / 2).mask(rng.random(rows) < 0.6)
    return Column(name=name, type="number", domain=domain), values


def constant(name: str, rng: Rng, rows: int) -> Made:
    return Column(name=name, type="string", required=True, domain=Categories(values=("only",), confirmed=True)), [
        "only"
    ] * rows


def many(name: str, rng: Rng, rows: int) -> Made:
    domain = Categories(values=tuple(f"v{place}" for place in range(1_500)), confirmed=True)
    chosen = np.minimum(rng.zipf(1.3, rows), 1_500) - 1
    return Column(name=name, type="string", required=True, domain=domain), [f"v{place}" for place in chosen]


Kind = tuple[tuple[Callable[[str, Rng, int], Made], ...], int]
KINDS: dict[str, Kind] = {
    "numeric": ((number, number, whole), ROWS),
    "categorical": ((category, category, category), ROWS),
    "boolean": ((flag, flag, flag), ROWS),
    "date": ((day, day, number), ROWS),
    "missing": ((gaps, gaps, category), ROWS),
    "constant": ((constant, number, flag), ROWS),
    "high-cardinality": ((many, category, number), ROWS),
    "tiny": ((category, whole, flag), 12),
    "wide": ((number, category, flag, whole) * 5, ROWS),
}

LONGER: dict[tuple[str, str], dict[str, float]] = {("tvae", "categorical"): {"epochs": 300, "pool": 1_000}}
"""Where the few steps of ``QUICKLY`` rightly end as a collapse."""


def made_of(kind: str, formal: bool, seed: int = 0) -> tuple[Contract, pd.DataFrame]:
    """A contract whose last column is the target where it is a category, and a table under it."""
    columns, rows = KINDS[kind]
    rng = np.random.default_rng(seed)
    built = [column(f"c{place}", rng, rows) for place, column in enumerate(columns)]
    target = built[-1][0].name if isinstance(built[-1][0].domain, Categories) else None
    privacy = Privacy(scope="kinds", claim="formal" if formal else "empirical", epsilon="3")
    pinned = Contract(
        dataset=kind, columns=tuple(column for column, _ in built), policy=Policy(privacy=privacy, target=target)
    )
    frame = pd.DataFrame({column.name: values for column, values in built})
    return pinned, conform(frame, pinned).table


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [name for name in available() if not FAMILIES[name].control and meets(name, ())])
def test_every_family_keeps_its_promises_on_every_kind_of_table(name: str, kind: str) -> None:
    pinned, rows = made_of(kind, FAMILIES[name].formal)
    parameters = LONGER.get((name, kind), QUICKLY.get(name))
    made = generate(rows, pinned, name, 150, seed=11, parameters=parameters)
    assert isinstance(made, Generated)
    assert len(made.table) == 150
    assert conform(made.table, pinned).violations == ()
    assert list(made.table.columns) == list(pinned.names)
    pd.testing.assert_frame_equal(family(name).load(made.model_bytes, pinned).sample(150, 11), made.table)


@pytest.mark.parametrize("name", [name for name in available() if FAMILIES[name].guards_copies])
def test_no_more_exact_copies_than_unseen_rows_have(name: str) -> None:
    """On 2,000 rows of which unseen ones repeat a few: copies among synthetic rows may exceed those among unseen rows
    only by chance (one-sided test at four standard deviations, error rate 3e-5; seeds fixed)."""
    rng = np.random.default_rng(5)
    columns = [number("c0", rng, 4_000), category("c1", rng, 4_000), flag("c2", rng, 4_000), category("c3", rng, 4_000)]
    privacy = Privacy(scope="kinds", claim="formal" if FAMILIES[name].formal else "empirical", epsilon="3")
    pinned = Contract(
        dataset="copies", columns=tuple(column for column, _ in columns), policy=Policy(privacy=privacy, target="c3")
    )
    frame = conform(pd.DataFrame({column.name: values for column, values in columns}), pinned).table
    train, unseen = frame[:2_000], frame[2_000:]
    made = generate(train, pinned, name, 2_000, seed=2, parameters=QUICKLY.get(name))
    assert isinstance(made, Generated)
    known = set(map(tuple, train.astype(str).to_numpy()))
    copies, expected = (
        sum(row in known for row in map(tuple, table.astype(str).to_numpy())) for table in (made.table, unseen)
    )
    assert copies <= expected + 4 * np.sqrt(2 * max(expected, 1))
