"""Shares of columns that are drawn late: what else a row holds is the model's own, and fewer rows are drawn."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency

from generators.arrays import Floats, Ints
from generators.generation import Fitted, fit
from generators.protocol import FittedModel
from generators.sampling.steering import Steer, Steering
from schemas.contract import Categories, Column, Contract, Policy, Privacy
from schemas.table import conform

CODES = 5


class Linked:
    """Four columns of five codes; each is drawn from a table by the one before. Counts the rows of each step."""

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        self.tables = rng.dirichlet(np.full(CODES, 0.4), (4, CODES))
        self.tables[:, :, 4] *= 0.02
        self.tables /= self.tables.sum(axis=2, keepdims=True)
        self.rows = [0] * 4

    def blank(self, rows: int) -> Ints:
        return np.zeros((rows, 4), dtype=np.int64)

    def place(self, step: int) -> int:
        return step

    def extend(self, codes: Ints, start: int, stop: int | None, rng: np.random.Generator) -> None:
        for step in range(4)[start:stop]:
            self.rows[step] += len(codes)
            before = codes[:, step - 1] if step else np.zeros(len(codes), dtype=np.int64)
            ends = self.tables[step][before].cumsum(axis=1)
            codes[:, step] = np.minimum((ends < rng.random(len(codes))[:, None]).sum(axis=1), CODES - 1)

    def chances(self, codes: Ints, step: int, code: int) -> Floats:
        found: Floats = self.tables[step][codes[:, step - 1], code]
        return found


def alike(one: Ints, other: Ints) -> float:
    """The p-value of a chi-squared test that both columns have one distribution."""
    table = np.array([np.bincount(side, minlength=CODES) for side in (one, other)])
    return float(chi2_contingency(table[:, table.sum(axis=0) > 0]).pvalue)


def test_rows_with_a_wished_value_are_those_that_the_chain_draws() -> None:
    """Columns before and after the wished one, with and without the value, beside 400,000 plain rows (seed 1). Eight
    tests at a level of .0005 each: an error of .4 % in all.
    """
    chain = Linked()
    steered = Steering(chain, [Steer(2, 4, 0.4)]).drawn(20_000, np.random.default_rng(1))
    assert (steered[:, 2] == 4).mean() == pytest.approx(0.4, abs=0.02)
    assert chain.rows[3] == 20_000
    plain = chain.blank(400_000)
    chain.extend(plain, 0, None, np.random.default_rng(2))
    for has in (True, False):
        one, other = (rows[(rows[:, 2] == 4) == has] for rows in (steered, plain))
        for column in (0, 1, 3):
            assert alike(one[:, column], other[:, column]) > 0.0005
        assert alike(one[:, 2], other[:, 2]) > 0.0005 or has


def test_of_two_wished_values_the_last_is_met_and_the_other_brought_nearer() -> None:
    """The first one is drawn in .3 of the prefixes; which of them have the second value is the chain's own matter."""
    chain = Linked()
    made = Steering(chain, [Steer(1, 4, 0.3), Steer(3, 4, 0.5)]).drawn(10_000, np.random.default_rng(3))
    plain = chain.blank(100_000)
    chain.extend(plain, 0, None, np.random.default_rng(4))
    assert (made[:, 3] == 4).mean() == pytest.approx(0.5, abs=0.03)
    assert (made[:, 1] == 4).mean() > 3 * (plain[:, 1] == 4).mean()


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0.0), (1.0, 1.0)])
def test_all_or_nothing_can_be_wished(share: float, expected: float) -> None:
    made = Steering(Linked(), [Steer(2, 1, share)]).drawn(500, np.random.default_rng(4))
    assert (made[:, 2] == 1).mean() == expected


def test_a_value_that_is_never_drawn_leaves_the_rows_as_they_are() -> None:
    chain = Linked()
    chain.tables[2, :, 0] = 0
    chain.tables[2] /= chain.tables[2].sum(axis=1, keepdims=True)
    made = Steering(chain, [Steer(2, 0, 0.5)]).drawn(500, np.random.default_rng(5))
    assert len(made) == 500
    assert not (made[:, 2] == 0).any()


def people(rows: int) -> pd.DataFrame:
    """Of group c, 1 % of all, hardly anybody says yes and most live in the south; the target is drawn first."""
    rng = np.random.default_rng(11)
    group = rng.choice(["a", "b", "c"], rows, p=[0.6, 0.39, 0.01])
    rare = group == "c"
    return pd.DataFrame(
        {
            "south": np.where(rng.random(rows) < np.where(rare, 0.9, 0.3), "y", "n"),
            "group": group,
            "asked": rng.choice(["p", "q"], rows),
            "yes": (rng.random(rows) < np.where(rare, 0.05, 0.5)).astype(int),
        }
    )


def contract() -> Contract:
    values: dict[str, tuple[str, ...]] = {"south": ("n", "y"), "group": ("a", "b", "c"), "asked": ("p", "q")}
    columns = [
        Column(name=name, type="string", required=True, domain=Categories(values=listed, confirmed=True))
        for name, listed in values.items()
    ]
    columns.append(Column(name="yes", type="integer", required=True, domain=Categories(values=(0, 1), confirmed=True)))
    privacy = Privacy(scope="t", claim="empirical", epsilon="4")
    return Contract(dataset="people", columns=tuple(columns), policy=Policy(privacy=privacy, target="yes"))


@pytest.fixture(scope="module", params=["trees", "dp-marginals"])
def model(request: pytest.FixtureRequest) -> FittedModel:
    found = fit(conform(people(20_000), contract()).table, contract(), request.param, 1)
    assert isinstance(found, Fitted)
    return found.model


def test_a_share_of_a_late_column_leaves_what_the_model_says_of_its_rows(model: FittedModel) -> None:
    """Shares among 4,000 wished rows of a group, beside those among the group's rows of 400,000 plain ones (seed 1): a
    difference has a standard error below .011, so .05 is beyond four and a half.
    """
    plain = model.sample(400_000, 1)
    steered = model.sample(8_000, 1, {"group": ("c", 0.5)})
    assert int((steered["group"] == "c").sum()) == 4_000
    for has in (True, False):
        one, other = (rows[(rows["group"] == "c") == has] for rows in (steered, plain))
        for name, value in (("south", "y"), ("yes", 1), ("asked", "p")):
            assert (one[name] == value).mean() == pytest.approx((other[name] == value).mean(), abs=0.05)


def test_the_same_seed_gives_the_same_rows_of_the_wished_share(model: FittedModel) -> None:
    wished: dict[str, tuple[bool | int | float | str, float]] = {"group": ("c", 0.3), "yes": (1, 0.4)}
    one, other = (model.sample(2_000, 5, wished) for _ in range(2))
    pd.testing.assert_frame_equal(one, other)
    assert int((one["group"] == "c").sum()) == 600
    assert int((one["yes"] == 1).sum()) == 800
