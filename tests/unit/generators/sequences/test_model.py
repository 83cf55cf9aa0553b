"""Sequences: order of time, valid references, histories that show, the same bytes again."""

import numpy as np
import pandas as pd
import pytest

from generators.protocol import FitRequest, silent
from generators.sequences.favourites import favourites_of
from generators.sequences.model import SequenceModel
from generators.trees.family import FAMILY
from schemas.contract import Categories, Column, Contract, Policy, Privacy, PrivacyUnit, Range
from schemas.errors import ArtefactError, InsufficientEvidence
from schemas.relations import Reference, Sequence
from schemas.table import conform

START = pd.Timestamp("2024-01-01")
DAYS = 60


def contract(**changes: object) -> Contract:
    columns = (
        Column(name="card", type="integer", required=True, domain=Range(lower=0, upper=9_999, resolution=1)),
        Column(name="shop", type="string", required=True, domain=Categories(values=tuple(f"s{n}" for n in range(90)))),
        Column(
            name="when",
            type="timestamp",
            required=True,
            domain=Range(lower=START.timestamp(), upper=START.timestamp() + DAYS * 86_400 - 1, resolution=60),
        ),
        Column(name="amount", type="number", domain=Range(lower=0, upper=2_000, resolution=0.5)),
        Column(name="kind", type="string", domain=Categories(values=("a", "b"))),
        Column(name="bad", type="boolean", required=True, domain=Categories(values=(False, True))),
    )
    policy = Policy(
        privacy=Privacy(scope="test", claim="empirical"),
        target="bad",
        sequence=Sequence(entity="card", time="when"),
        references=(Reference(column="shop", table="shops", key="shop"),),
    )
    return Contract(dataset="test", columns=columns, policy=policy.model_copy(update=changes))


def table(cards: int = 250, seed: int = 0) -> pd.DataFrame:
    """Cards with their own level and pace at five shops each; what happens at four of 80 shops is mostly bad."""
    rng = np.random.default_rng(seed)
    parts = []
    for card in range(cards):
        rows = int(rng.integers(1, 70))
        shop = rng.integers(0, 80, 5)[rng.integers(0, 5, rows)]
        parts.append(
            pd.DataFrame(
                {
                    "card": card,
                    "shop": [f"s{number}" for number in shop],
                    "when": START + pd.to_timedelta(rng.integers(0, DAYS * 1_440, rows), unit="min"),
                    "amount": np.abs(rng.normal(50 + card, 10, rows)).round(),
                    "kind": np.array(["a", None, "b"], dtype=object)[rng.integers(0, 3, rows)],
                    "bad": (shop % 20 == 0) & (rng.random(rows) < 0.9),
                }
            )
        )
    return conform(pd.concat(parts, ignore_index=True), contract()).table


@pytest.fixture(scope="module")
def source() -> pd.DataFrame:
    return table()


@pytest.fixture(scope="module")
def model(source: pd.DataFrame) -> SequenceModel:
    found = FAMILY.fit(source, FitRequest(contract(), bytes(range(32))), silent)
    assert isinstance(found, SequenceModel)
    return found


def test_rows_lie_in_order_of_time_and_refer_to_keys_that_exist(model: SequenceModel, source: pd.DataFrame) -> None:
    made = model.sample(3_000, 1)
    assert len(made) == 3_000
    assert made["when"].is_monotonic_increasing
    assert conform(made, contract()).violations == ()
    assert set(made["shop"]) <= set(source["shop"])


def test_sequences_are_as_long_as_real_ones_and_keep_to_few_keys(model: SequenceModel, source: pd.DataFrame) -> None:
    """As many rows as the source, seed 1; figures of 250 cards vary by some 5 %."""
    made = model.sample(len(source), 1)
    for figure in (
        lambda frame: frame.groupby("card").size().mean(),
        lambda frame: frame.groupby("card")["shop"].nunique().mean(),
        lambda frame: frame["amount"].groupby(frame["card"]).mean().std(),
    ):
        assert figure(made) == pytest.approx(figure(source), rel=0.2)
    within = [frame.groupby("card")["amount"].std().mean() for frame in (source, made)]
    assert within[1] < 3 * within[0]


def test_what_clings_to_a_key_clings_to_it_again(model: SequenceModel, source: pd.DataFrame) -> None:
    """Rows of a shop are bad together: after a bad row the next one there mostly is, after another hardly ever."""
    made = model.sample(len(source), 1).sort_values(["shop", "when"])
    before = made.groupby("shop")["bad"].shift().astype("boolean")
    assert made.loc[before.fillna(False), "bad"].mean() > 0.5
    assert made.loc[~before.fillna(True), "bad"].mean() < 0.05


def test_an_entity_that_refers_to_another_table_is_one_of_its_keys(source: pd.DataFrame) -> None:
    both = (*contract().policy.references, Reference(column="card", table="cards", key="card"))
    pinned = contract(references=both)
    few = source[source["card"] % 9 == 4].assign(card=lambda frame: frame["card"] * 3)
    made = FAMILY.fit(few, FitRequest(pinned, bytes(32)), silent).sample(1_000, 1)
    assert set(made["card"]) <= set(few["card"])


def test_entities_that_are_the_privacy_unit_are_not_named_again(source: pd.DataFrame) -> None:
    """Their keys alone would tell whom the model was fitted to: they get any of the contract's domain."""
    both = (*contract().policy.references, Reference(column="card", table="cards", key="card"))
    unit = PrivacyUnit(kind="entity", column="card", max_rows=100)
    pinned = contract(references=both, privacy=Privacy(scope="test", claim="empirical", unit=unit))
    made = FAMILY.fit(source, FitRequest(pinned, bytes(32)), silent).sample(1_000, 1)
    assert made["card"].max() > 5_000 > source["card"].max()
    assert conform(made, pinned).violations == ()


def test_a_share_of_the_target_can_be_fixed(model: SequenceModel) -> None:
    assert model.sample(2_000, 3, {"bad": (True, 0.2)})["bad"].mean() == 0.2


def test_bytes_bring_the_model_back(model: SequenceModel) -> None:
    body = model.to_bytes()
    again = FAMILY.load(body, contract())
    assert again.to_bytes() == body
    pd.testing.assert_frame_equal(again.sample(500, 5), model.sample(500, 5))
    assert not again.sample(500, 6).equals(model.sample(500, 5))
    with pytest.raises(ArtefactError):
        FAMILY.load(body, contract(sequence=None))
    with pytest.raises(ArtefactError):
        FAMILY.load(body[:-1], contract())


def test_tiny_tables_work_and_empty_ones_are_refused(source: pd.DataFrame) -> None:
    request = FitRequest(contract(), bytes(32))
    for rows in (2, 5, 40):
        assert len(FAMILY.fit(source[:rows], request, silent).sample(30, 0)) == 30
    singles = source.drop_duplicates("card")
    made = FAMILY.fit(singles, request, silent).sample(100, 0)
    assert made["card"].nunique() == 100
    with pytest.raises(InsufficientEvidence):
        FAMILY.fit(source[:0], request, silent)


def test_returns_go_to_favourites_as_the_source_does() -> None:
    """200 entities of 40 rows, half of the returns by habit: the estimate's standard error is below .02."""
    rng = np.random.default_rng(2)
    for habit in (0.0, 0.6):
        keys = []
        for _ in range(200):
            own: list[int] = [int(rng.integers(0, 500))]
            for _ in range(39):
                seen = sorted(set(own))
                new = rng.random() < 0.3
                back = own[rng.integers(len(own))] if rng.random() < habit else seen[rng.integers(len(seen))]
                own.append(int(rng.integers(0, 500)) if new else back)
            keys += own
        found = favourites_of(np.repeat(np.arange(200), 40), np.array(keys), 0, 50)
        assert abs(found.loyal - habit) < 0.1
