"""PAR keeps whole sequences in order of time, under keys that are nobody's."""

import numpy as np
import pandas as pd
import pytest

from generators.protocol import FitFailed, FitRequest, silent
from generators.registry import family, installed
from generators.sdv.sequences import SequencesModel
from schemas.contract import Categories, Column, Contract, Domain, Policy, Privacy, Range
from schemas.errors import ArtefactError, ContractError, InputError, InsufficientEvidence
from schemas.relations import Sequence
from schemas.table import conform

pytestmark = pytest.mark.skipif(not installed("sdv"), reason="needs the extra sdv")
QUICK = {"epochs": 2, "pool": 10, "length": 4}


def contract(keys: Domain | None = None, sequence: bool = True) -> Contract:
    return Contract(
        dataset="visits",
        columns=(
            Column(name="who", type="string", required=True, domain=keys),
            Column(name="when", type="timestamp", required=True, domain=Range(lower=0, upper=1e7, resolution=60)),
            Column(name="sex", type="string", required=True, domain=Categories(values=("f", "m"))),
            Column(name="cost", type="number", domain=Range(lower=0, upper=100, resolution=0.01)),
        ),
        policy=Policy(
            privacy=Privacy(scope="t", claim="empirical"),
            sequence=Sequence(entity="who", time="when") if sequence else None,
        ),
    )


def visits(people: int = 12) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = []
    for person in range(people):
        sex, begin = rng.choice(["f", "m"]), int(rng.integers(0, 5_000_000))
        for step in range(int(rng.integers(3, 6))):
            cost = None if rng.random() < 0.1 else round(float(rng.gamma(2, 10)), 2)
            rows.append((f"person {person}", pd.Timestamp(begin + 50_000 * step, unit="s"), sex, cost))
    return conform(pd.DataFrame(rows, columns=["who", "when", "sex", "cost"]), contract()).table


@pytest.fixture(scope="module")
def model() -> SequencesModel:
    made = family("par").fit(visits(), FitRequest(contract(), bytes(32), parameters=QUICK), silent)
    assert not isinstance(made, FitFailed)
    assert isinstance(made, SequencesModel)
    return made


def test_sequences_have_synthetic_keys_and_rising_times(model: SequencesModel) -> None:
    made = model.sample(60, 3)
    assert conform(made, contract()).violations == ()
    assert list(made.columns) == ["who", "when", "sex", "cost"]
    assert len(made) == 60
    assert not set(made["who"]) & set(visits()["who"])
    assert made.groupby("who")["when"].apply(lambda times: times.is_monotonic_increasing).all()
    assert made.groupby("who").size().max() <= model.rows
    assert (made.groupby("who")["sex"].nunique() == 1).all()


def test_the_same_seed_gives_the_same_sequences_and_bytes(model: SequencesModel) -> None:
    loaded = family("par").load(model.to_bytes(), contract())
    pd.testing.assert_frame_equal(loaded.sample(20, 5), model.sample(20, 5))
    assert not model.sample(20, 6).equals(model.sample(20, 5))
    again = family("par").fit(visits(), FitRequest(contract(), bytes(32), parameters=QUICK), silent)
    assert not isinstance(again, FitFailed)
    assert again.to_bytes() == model.to_bytes()
    assert b"person" not in model.to_bytes()


def test_shares_can_be_fixed(model: SequencesModel) -> None:
    pooled = set(model.sample(500, 1)["sex"])
    value = sorted(pooled)[0]
    made = model.sample(40, 1, {"sex": (value, 0.5)} if len(pooled) > 1 else {"sex": (value, 1.0)})
    assert (made["sex"] == value).mean() == (0.5 if len(pooled) > 1 else 1.0)
    with pytest.raises(InputError, match="who"):
        model.sample(10, 1, {"who": ("k0000001", 0.5)})


def test_keys_come_from_the_domain_where_there_is_one(model: SequencesModel) -> None:
    keyed = contract(Categories(values=tuple(f"n{number}" for number in range(40))))
    with pytest.raises(ArtefactError):
        family("par").load(model.to_bytes(), keyed)
    moved = SequencesModel("par", keyed, model.assembly, model.pool, model.starts, model.rows)
    assert conform(moved.sample(30, 1), keyed).violations == ()
    with pytest.raises(InputError, match="keys are needed"):
        moved.sample(5_000, 1)


def test_what_par_needs_is_said() -> None:
    with pytest.raises(ContractError, match="needs a sequence"):
        family("par").fit(visits(), FitRequest(contract(sequence=False), bytes(32)), silent)
    with pytest.raises(InsufficientEvidence, match="two sequences"):
        family("par").fit(visits(1), FitRequest(contract(), bytes(32)), silent)
