"""The same figures as sdmetrics 0.32, to 1e-9, where its definition is sound.

Equal: KSComplement of numbers and times; TVComplement of categories; CorrelationSimilarity (Pearson, Spearman) of two
numbers; ContingencySimilarity of two categories; and the mean of columns, ``column_shapes``.

Deliberately different:
- mixed pairs (a number and a category): sdmetrics bins each table by its own edges, so that a scale error scores 1.0;
  here both are binned by quantiles of the real rows (``test_a_scale_error_is_seen_in_mixed_pairs``);
- missing cells: sdmetrics drops them from a column's score; the gate's own figures count missing as one more value
  (``test_missing_cells_count_in_the_gates_figures``), only ``column_shapes`` leaves them out as it does;
- a category that only the synthetic table has: TVComplement adds 1e-6 of a row to the real side (at most 1e-6 apart);
- above 40 categories the rarest share one code here, and above 50,000 rows sdmetrics scores an unseeded subsample of
  the rows of contingency tables, where all rows count here;
- pairs that sdmetrics leaves out by default (|correlation| or association below its thresholds) are scored here;
- a pair with a constant column raises there; here its correlation is undefined and left out of the mean;
- times of another resolution (seconds, nanoseconds) are compared there as bare integers, here as times;
- numbers on a lattice (a public range with a resolution) are compared on it, so that rounding gives nothing away.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.unit.validators.population import contract, evidence
from validators.protocol import Evidence
from validators.utility.coarse import number_matrix, number_places
from validators.utility.marginals import MarginalFidelity, column_shapes
from validators.utility.pairs import dependence_of, layout, pair_trends

single = pytest.importorskip("sdmetrics.single_column", reason="the extra 'sdv' is not installed")
pairs = pytest.importorskip("sdmetrics.column_pairs", reason="the extra 'sdv' is not installed")

TOLERANCE = 1e-9


@pytest.fixture(scope="module")
def source() -> Evidence:
    """Synthetic rows that differ from the real ones in every column."""
    real = evidence((1_000, 900, 50, 1_100))
    table, rng = real.synthetic, np.random.default_rng(4)
    changed = table.assign(
        age=table["age"] + 3,
        income=table["income"] * rng.lognormal(0, 0.4, len(table)),
        plan=table["plan"].where(pd.Series(rng.random(len(table)) < 0.8), "gold"),
        since=table["since"] + pd.Timedelta(days=40),
        active=table["active"] | table["churned"],
    )
    return replace(real, synthetic=changed)


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """The same cells in the types that sdmetrics expects."""
    columns = {}
    for name, values in table.items():
        if values.dtype.kind == "M":
            columns[name] = values.astype("datetime64[ns]")
        elif values.dtype in (object, "boolean"):
            columns[name] = values.astype(object).where(values.notna(), None)
        else:
            columns[name] = values.astype(float)
    return pd.DataFrame(columns)


def test_columns(source: Evidence) -> None:
    real, fake = plain(source.holdout), plain(source.synthetic)
    scores = []
    for j, found in enumerate(column_shapes(source, source.holdout, source.synthetic)):
        name = source.contract.modelled[j].name
        metric = single.KSComplement if j in number_places(source) else single.TVComplement
        scores.append(metric.compute(real[name], fake[name]))
        assert found.reported == pytest.approx(scores[-1], abs=TOLERANCE), name
    (mean, _) = MarginalFidelity().measure(source)
    assert mean.detail["column_shapes"] == pytest.approx(np.mean(scores), abs=TOLERANCE)


@pytest.mark.parametrize("coefficient", ["Pearson", "Spearman"])
def test_pairs_of_numbers(source: Evidence, coefficient: str) -> None:
    numbers = number_places(source)
    sides = [dependence_of(source, table) for table in (source.holdout, source.synthetic)]
    ours = [side.pearson if coefficient == "Pearson" else side.ranks[0] for side in sides]
    names = [source.contract.modelled[j].name for j in numbers]
    frames = [pd.DataFrame(number_matrix(source, each), columns=names) for each in (source.holdout, source.synthetic)]
    compared = 0
    for k, (i, j) in enumerate(layout(source).pairs):
        if i in numbers and j in numbers:
            pair = [source.contract.modelled[i].name, source.contract.modelled[j].name]
            theirs = pairs.CorrelationSimilarity.compute(frames[0][pair], frames[1][pair], coefficient=coefficient)
            assert 1 - abs(ours[0][k] - ours[1][k]) / 2 == pytest.approx(theirs, abs=TOLERANCE), pair
            compared += 1
    assert compared == 3


def test_pairs_of_categories(source: Evidence) -> None:
    trends, numbers = pair_trends(source, source.holdout, source.synthetic), number_places(source)
    assert trends is not None
    real, fake = plain(source.holdout), plain(source.synthetic)
    compared = 0
    for k, (i, j) in enumerate(layout(source).pairs):
        if i not in numbers and j not in numbers:
            pair = [source.contract.modelled[i].name, source.contract.modelled[j].name]
            theirs = pairs.ContingencySimilarity.compute(real[pair].astype(str), fake[pair].astype(str))
            assert trends[k] == pytest.approx(theirs, abs=TOLERANCE), pair
            compared += 1
    assert compared == 6


def test_a_scale_error_is_seen_in_mixed_pairs() -> None:
    fresh = evidence()
    scaled = fresh.synthetic.assign(income=fresh.synthetic["income"] * 100)
    k = layout(fresh).pairs.index((1, 2))
    ours = [pair_trends(fresh, fresh.holdout, table) for table in (fresh.synthetic, scaled)]
    assert ours[0] is not None
    assert ours[1] is not None
    assert ours[0][k] > 0.8
    assert ours[1][k] < 0.2


def test_missing_cells_count_in_the_gates_figures() -> None:
    fresh = evidence()
    half = fresh.synthetic["region"].mask(fresh.synthetic.index % 2 == 0)
    found = column_shapes(fresh, fresh.holdout, fresh.synthetic.assign(region=half))[2]
    theirs = single.TVComplement.compute(fresh.holdout["region"], half)
    assert found.reported == pytest.approx(theirs, abs=TOLERANCE)
    assert found.reported > 0.9
    assert found.variation == pytest.approx(0.5, abs=0.02)


def test_a_category_that_real_rows_lack() -> None:
    fresh = replace(evidence(), contract=contract())
    odd = fresh.synthetic["plan"].mask(fresh.synthetic.index % 4 == 0, "unheard of")
    found = column_shapes(fresh, fresh.holdout, fresh.synthetic.assign(plan=odd))[3]
    assert found.reported == pytest.approx(single.TVComplement.compute(fresh.holdout["plan"], odd), abs=1e-6)
