"""What SDV sees of a table, and what a family of it refuses. Fits themselves are run by the contract tests."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.domains.assembly import Assembly, assembly_of
from generators.protocol import FitRequest, silent
from generators.registry import FAMILIES, family, installed
from generators.sdv.frames import plain_of
from generators.sdv.outcomes import failed
from schemas.contract import Categories, Column, Contract, Policy, Privacy, Range
from schemas.errors import ContractError

SINGLE = ("gaussian-copula", "copulagan", "ctgan", "tvae", "hma")
pytestmark = pytest.mark.skipif(not installed("sdv"), reason="needs the extra sdv")


def contract(claim: str = "empirical") -> Contract:
    columns = (
        Column(name="secret name", type="string", domain=Categories(values=("ann", "bob", "eve"))),
        Column(name="level", type="integer", domain=Categories(values=(1, 2, 3))),
        Column(name="cost", type="number", domain=Range(lower=0, upper=10, resolution=0.5)),
        Column(name="flat", type="boolean", domain=Categories(values=(False, True))),
    )
    return Contract(dataset="d", columns=columns, policy=Policy(privacy=Privacy(scope="s", claim=claim)))  # type: ignore[arg-type]


def positions(assembly: Assembly, rows: int, seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    rng = np.random.default_rng(seed)
    sizes = [assembly.grids[name].size + 1 for name in assembly.free]
    found = np.stack([rng.integers(0, size, rows) for size in sizes], axis=1)
    found[:, 3] = 1
    return found


@given(rows=st.integers(1, 40), seed=st.integers(0, 2**32))
def test_positions_come_back_from_what_sdv_sees(rows: int, seed: int) -> None:
    assembly = assembly_of(contract())
    given_rows = positions(assembly, rows, seed)
    plain = plain_of(given_rows, assembly)
    assert 3 not in plain.varying
    np.testing.assert_array_equal(plain.positions(plain.frame(given_rows), rows), given_rows)


def test_sdv_sees_neither_names_nor_values() -> None:
    assembly = assembly_of(contract())
    plain = plain_of(positions(assembly, 30, 1), assembly)
    frame = plain.frame(positions(assembly, 30, 1))
    assert list(frame.columns) == ["c0", "c1", "c2"]
    assert set(frame["c0"]) <= {"p0", "p1", "p2", "p3"}
    assert [plain.kind(place) for place in plain.varying] == ["categorical", "categorical", "numerical"]


def test_what_is_off_the_grid_is_moved_onto_it() -> None:
    assembly = assembly_of(contract())
    plain = plain_of(positions(assembly, 30, 1), assembly)
    drawn = pd.DataFrame({"c0": ["p1", None], "c1": ["p0", "p3"], "c2": [-4.2, 1e9]})
    assert plain.positions(drawn, 2).tolist() == [[1, 0, 0, 1], [3, 3, 20, 1]]


@pytest.mark.parametrize("name", SINGLE)
def test_a_formal_claim_and_unknown_parameters_are_refused_before_sdv_is_asked(name: str) -> None:
    table = pd.DataFrame()
    with pytest.raises(ContractError, match="knows no parameter"):
        family(name).fit(table, FitRequest(contract(), bytes(32), parameters={"sheep": 1}), silent)
    with pytest.raises(ContractError, match="whole number"):
        family(name).fit(table, FitRequest(contract(), bytes(32), parameters={"pool": 0.5}), silent)
    with pytest.raises(ContractError, match="no formal guarantee"):
        family(name).fit(table, FitRequest(contract("formal"), bytes(32)), silent)
    assert not family(name).formal
    assert not FAMILIES[name].formal


def test_losses_and_lost_variety_are_outcomes() -> None:
    rng = np.random.default_rng(0)
    real = rng.integers(0, 50, (500, 4))
    assert failed(np.array([1.0, 0.5]), real, rng.integers(0, 50, (500, 4))) is None
    lost = failed(np.array([1.0]), real, np.zeros((500, 4), dtype=np.int64))
    assert lost is not None
    assert lost.outcome == "mode_collapse"
    broken = failed(np.array([1.0, np.nan]), real, real)
    assert broken is not None
    assert broken.outcome == "non_finite"
