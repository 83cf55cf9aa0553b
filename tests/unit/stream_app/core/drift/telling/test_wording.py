"""What is said of a drift can be read by a person, holds its figures, and names nothing that is not public."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.contract import Categories, Column, Contract, Policy, Privacy
from schemas.errors import ContractError
from stream_app.core.drift.coding.bins import ColumnBins
from stream_app.core.drift.telling.wording import Counts, said, shares_moved

CONTRACT = Contract(
    dataset="d",
    policy=Policy(privacy=Privacy(scope="s"), target="late"),
    columns=(
        Column(name="dep_delay", type="number"),
        Column(name="distance", type="number"),
        Column(name="carrier", type="string", domain=Categories(values=("UA", "AA", "DL"))),
        Column(name="origin", type="string", domain=Categories(values=("JFK", "LGA"))),
        Column(name="tail", type="string"),
        Column(name="late", type="boolean"),
    ),
)
EDGES = tuple(np.linspace(-4, 4, 41).tolist())
DELAY = ColumnBins("dep_delay", "number", "numeric", edges=EDGES)
DISTANCE = ColumnBins("distance", "number", "numeric", edges=EDGES)
CARRIER = ColumnBins("carrier", "string", "categorical", values=("UA", "AA", "secret"), rest=("hidden", "veiled"))
TAIL = ColumnBins("tail", "string", "categorical", values=tuple(f"secret{place}" for place in range(40)))
SECRETS = ("secret", "hidden", "veiled")


def delays(mean: float = 0.0, spread: float = 1.0, missing: int = 0, new: int = 0) -> Counts:
    """Exact counts of a million normal numbers."""
    from scipy.special import ndtr

    below = np.concatenate([[0.0], ndtr((np.asarray(EDGES) - mean) / spread), [1.0]])
    counts = np.concatenate([[missing, new], np.rint(1e6 * np.diff(below))])
    return counts.astype(np.int64)


def text(kind: str, column: ColumnBins, before: object, after: object, **more: object) -> str:
    return said(kind, [column], CONTRACT, np.asarray(before), np.asarray(after), **more).text  # type: ignore[arg-type]


def test_a_mean_moves_by_standard_deviations() -> None:
    assert text("marginal", DELAY, delays(), delays(0.31)) == "the mean of dep_delay rose by 0.31 standard deviations"
    assert text("marginal", DELAY, delays(), delays(-0.5)) == "the mean of dep_delay fell by 0.50 standard deviations"


def test_a_spread_grows_by_percents() -> None:
    assert text("marginal", DELAY, delays(), delays(spread=1.25)) == "the spread of dep_delay grew by 25 %"
    assert text("marginal", DELAY, delays(), delays(spread=0.8)) == "the spread of dep_delay shrank by 20 %"


def test_a_change_of_shape_alone_is_the_share_of_rows_elsewhere() -> None:
    # Two humps of the same mean and spread.
    humps = (np.asarray(delays(-0.8, 0.6)) + np.asarray(delays(0.8, 0.6))) // 2
    found = said("marginal", [DELAY], CONTRACT, delays(), humps)
    assert found.text == f"the shape of dep_delay changed: {100 * found.effect:.1f} % of the rows lie elsewhere"
    assert found.unit == "total_variation"


def test_a_public_category_is_named_and_another_is_not() -> None:
    before = [0, 0, 140, 500, 260, 100]
    assert text("marginal", CARRIER, before, [0, 0, 90, 530, 270, 110]) == (
        "the share of category 'UA' of carrier fell from 14 % to 9 %"
    ).replace("14 % to 9 %", "14.0 % to 9.0 %")
    assert text("marginal", CARRIER, before, [0, 0, 140, 500, 160, 200]).startswith("the share of one category")
    assert text("marginal", CARRIER, before, [0, 0, 140, 480, 270, 300]).startswith("the share of the rarest")


def test_missing_and_new_cells_are_shares_of_all_rows() -> None:
    before, after = [1, 0, 599, 400, 0, 0], [23, 0, 577, 400, 0, 0]
    expected = "missing cells of carrier rose from 0.1 % to 2.3 %"
    assert text("missingness", CARRIER, before, after) == text("marginal", CARRIER, before, after) == expected
    new = text("new_category", CARRIER, [0, 0, 600, 400, 0, 0], [0, 50, 550, 400, 0, 0])
    assert new == "values new to the reference of carrier rose from 0 % to 5.0 %"


def test_figures_too_near_for_whole_percents_get_places() -> None:
    assert (
        said("concept", [], CONTRACT, figures=(0.1203, 0.1242)).text
        == "the model's error of late rose from 12.0 % to 12.4 %"
    )
    assert said("concept", [], CONTRACT, figures=(0.00004, 0.2)).text.endswith("rose from 0.004 % to 20.000 %")
    assert said("concept", [], CONTRACT, figures=(0.2, 0.2)).text.endswith("stayed at 20.0 %")


def test_the_error_of_the_model_and_a_correlation_go_from_to() -> None:
    assert (
        said("concept", [], CONTRACT, figures=(0.12, 0.19)).text == "the model's error of late rose from 12 % to 19 %"
    )
    pair = said("correlation", [DELAY, DISTANCE], CONTRACT, figures=(0.5, 0.02))
    assert pair.text == "the correlation of dep_delay and distance fell from 0.50 to 0.02"
    assert (pair.effect, pair.unit) == (-0.48, "correlation")
    assert "0.30 (Cohen's w)" in said("correlation", [DELAY, CARRIER], CONTRACT, effect=0.3).text


def test_a_group_is_named_where_the_contract_names_it() -> None:
    moved = "the mean of dep_delay rose by 0.50 standard deviations"
    for group, begin in (
        (("origin", "JFK"), "in the group origin = JFK: "),
        (("origin", "secret"), "in one group of origin: "),
        (("tail", "secret1"), "in one group of tail: "),
        (("gone", "secret"), "in one group of gone: "),
    ):
        assert text("subgroup", DELAY, delays(), delays(0.5), group=group) == begin + moved


def test_schema_drift_names_columns_and_a_private_test_none() -> None:
    assert said("schema", [DELAY, CARRIER], CONTRACT).text == "the columns changed: dep_delay, carrier"
    assert "private test" in said("withheld", [DELAY], CONTRACT).text


@given(st.data(), st.sampled_from([DELAY, CARRIER, TAIL]))
def test_any_counts_can_be_said_and_shown_without_a_value_that_is_not_public(
    data: st.DataObject, column: ColumnBins
) -> None:
    counts = st.lists(st.integers(0, 1_000), min_size=column.size, max_size=column.size)
    before, after = np.asarray(data.draw(counts)), np.asarray(data.draw(counts))
    for kind in ("marginal", "missingness", "new_category", "subgroup"):
        assert not any(secret in text(kind, column, before, after, group=("tail", "secret7")) for secret in SECRETS)
    cells = shares_moved(column, CONTRACT, before, after)
    assert not any(secret in cell.label for cell in cells for secret in SECRETS)
    assert not any(f"{edge:g}" in cell.label for cell in cells for edge in EDGES if "." in f"{edge:g}")
    assert len(cells) <= 12
    assert len({cell.label for cell in cells}) == len(cells)
    for side, given_counts in (("before", before), ("after", after)):
        assert sum(getattr(cell, side) for cell in cells) == pytest.approx(float(given_counts.sum() > 0))


def test_public_bins_show_their_bounds() -> None:
    labels = [cell.label for cell in shares_moved(DELAY, CONTRACT, delays(), delays(0.3), public_bins=True)]
    assert labels[:3] == ["missing", "new", "under -1.2"]
    assert labels[-1].startswith("from ")
    assert all(" to " in label for label in labels[3:-1])


@pytest.mark.parametrize("counts", [[1, 2], [-1, 0, 1, 1, 1, 1], [float("nan"), 0, 1, 1, 1, 1]])
def test_counts_of_another_column_are_refused(counts: list[float]) -> None:
    good = [0, 0, 1, 1, 1, 1]
    with pytest.raises(ContractError, match="carrier"):
        text("marginal", CARRIER, good, counts)
    with pytest.raises(ContractError, match="carrier"):
        shares_moved(CARRIER, CONTRACT, np.asarray(counts), np.asarray(good))


def test_a_kind_without_what_it_needs_is_refused() -> None:
    other = ColumnBins("gone", "string", "categorical", values=("a",))
    for attempt in (
        lambda: said("concept", [], CONTRACT),
        lambda: said("marginal", [], CONTRACT, [1], [1]),
        lambda: said("correlation", [DELAY, DISTANCE], CONTRACT),
        lambda: said("marginal", [other], CONTRACT, [0, 0, 1], [0, 0, 1]),
    ):
        with pytest.raises(ContractError):
            attempt()
