from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd

from tests.unit.validators.population import contract, evidence, independent
from validators.utility.coarse import TRIPLES, coarse, coarse_codes
from validators.utility.pairs import PairFidelity
from validators.utility.triples import DRAWN, TripleFidelity, counts, triples


def test_fresh_rows_pass_and_lost_structure_scores_lower() -> None:
    source = evidence()
    (fresh,) = TripleFidelity().measure(source)
    (lost,) = TripleFidelity().measure(replace(source, synthetic=independent(source.synthetic)))
    assert fresh.verdict == "PASS"
    assert fresh.interval is not None
    assert (lost.value or 1) < fresh.interval[0]
    assert fresh.detail["triples"] == fresh.detail["triples_of"] == 35


def test_tables_are_what_a_loop_counts() -> None:
    source = evidence((200, 150, 50, 120))
    rows, sizes = coarse_codes(source, source.synthetic, TRIPLES), coarse(source, TRIPLES).sizes
    for triple, found in zip(triples(source), counts(source, source.synthetic), strict=True):
        counted = np.zeros([sizes[j] for j in triple])
        for row in rows:
            counted[tuple(row[list(triple)])] += 1
        np.testing.assert_array_equal(found, counted.ravel())


def test_the_contracts_triples_come_first_and_all_where_there_are_few() -> None:
    source = replace(evidence(), contract=contract(triples=(("churned", "age", "plan"),)))
    chosen = triples(source)
    names = [column.name for column in source.contract.modelled]
    assert [names[j] for j in chosen[0]] == ["age", "plan", "churned"]
    assert set(chosen) == set(combinations(range(7), 3))
    assert len(chosen) < DRAWN


def test_a_parity_that_no_pair_shows_is_seen() -> None:
    source = evidence((3_000, 2_000, 500, 3_000))
    rng = np.random.default_rng(0)

    def with_parity(table: pd.DataFrame, odd: bool) -> pd.DataFrame:
        left, right = rng.random(len(table)) < 0.5, rng.random(len(table)) < 0.5
        third = left ^ right if odd else rng.random(len(table)) < 0.5
        flags = {"active": left, "churned": right, "plan": np.where(third, "a", "b")}
        return table.assign(**{name: pd.Series(values, dtype=table[name].dtype) for name, values in flags.items()})

    real = {name: with_parity(getattr(source, name), True) for name in ("train", "holdout")}
    fresh = replace(source, **real, synthetic=with_parity(source.synthetic, True))
    broken = replace(fresh, synthetic=with_parity(source.synthetic, False))
    (found,) = TripleFidelity().measure(broken)
    assert next(iter(found.detail["worst"])) == "plan x active x churned"
    assert found.detail["worst"]["plan x active x churned"] < 0.6
    assert PairFidelity().measure(broken)[1].verdict == "PASS"
