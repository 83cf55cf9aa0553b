"""Channels and scores: contrasts are what they promise, and scores are near standard normal while nothing changes.

The statistical test states its seed and its error rate.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stream_app.core.drift.coding.bins import MISSING, NEW, ColumnBins, Floats
from stream_app.core.drift.counts.counting import count
from stream_app.core.drift.counts.layout import lay_out
from stream_app.core.drift.reference import Reference, build_reference
from stream_app.core.drift.scoring import scoring as scoring_module
from stream_app.core.drift.scoring.channels import Channel
from stream_app.core.drift.scoring.scoring import Off, Scoring, scoring_of
from stream_app.core.drift.scoring.whole_numbers import MOST
from tests.unit.stream_app.core.drift.drift_tables import CONTRACT, rows


@pytest.fixture(scope="module")
def reference() -> Reference:
    return build_reference(rows(40_000, 1), CONTRACT)


@pytest.fixture(scope="module")
def scoring(reference: Reference) -> Scoring:
    return reference.scorings[0]


def linear(scoring: Scoring) -> list[tuple[Channel, "np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]]:
    """Each linear channel, its (cells,) weights and the (cells,) cells that it counts rows in."""
    number = scoring.contrasts.shape[0]
    weights, bases = scoring.contrasts.toarray(), scoring.bases.toarray()[scoring.base_of[:number]]
    return list(zip(scoring.channels[:number], weights, bases, strict=True))


def blocks(reference: Reference, number: int, seed: int, **change: float) -> "np.ndarray[Any, Any]":
    frame = rows(number * reference.block_rows, seed, **change)
    ends = reference.block_rows * np.arange(1, number + 1)
    return count(reference.encode(frame), reference.layout, ends)


def test_contrasts_have_mean_0_and_variance_1_under_the_baseline(reference: Reference, scoring: Scoring) -> None:
    counts = reference.counts[0].astype(np.float64)
    found = linear(scoring)
    measured = {"location", "spread", "skewness", "share", "exchange", "correlation"}
    assert {channel.measures for channel, *_ in found} == measured
    for channel, weights, base in found:
        assert np.count_nonzero(weights), channel
        assert not weights[base == 0].any()
        shares = counts * base / (counts * base).sum()
        assert float(shares @ weights) == pytest.approx(0, abs=1e-9)
        assert float(shares @ weights**2) == pytest.approx(1, rel=1e-9)


def test_rows_that_pass_between_two_values_move_their_exchange_most(reference: Reference, scoring: Scoring) -> None:
    place, channel = next((n, c) for n, c in enumerate(scoring.channels) if c.measures == "exchange")
    base, counts = scoring.base_of[place], reference.counts[0].astype(np.int64)
    weights, rows = scoring.contrasts[[place]].toarray()[0], int(counts[scoring.bases[[base]].indices].sum())
    out, into = int(np.argmin(weights)), int(np.argmax(weights))
    passed, moved = round(0.05 * counts[out]), counts.copy()
    moved[out] -= passed
    moved[into] += passed
    scores, _ = scoring.whole(moved)
    # The derivative of the log-likelihood by the share that passes, in its own standard deviations.
    wanted = passed * np.sqrt((1 / counts[out] + 1 / counts[into]) * rows / scoring.expected[base])
    assert scores[place] == pytest.approx(wanted, rel=1e-3)
    same = [n for n, c in enumerate(scoring.channels) if c.columns == channel.columns and c.measures == "share"]
    assert all(abs(scores[n]) < scores[place] for n in same)
    assert scoring.effect(place, float(scores[place] * scoring.expected[base] / rows)) == pytest.approx(passed / rows)


def test_location_spread_and_skewness_of_a_column_are_orthogonal(reference: Reference, scoring: Scoring) -> None:
    counts = reference.counts[0].astype(np.float64)
    for place, column in enumerate(reference.bins):
        own = [each for each in linear(scoring) if each[0].columns == (place,) and each[0].kind == "marginal"]
        if column.kind != "numeric":
            continue
        assert [channel.measures for channel, *_ in own] == ["location", "spread", "skewness"]
        weights, shares = np.stack([each[1] for each in own]), counts * own[0][2]
        products = (weights * shares) @ weights.T / shares.sum()
        # Weights are cut at six standard deviations, which leaves a trace.
        assert np.abs(products - np.eye(3)).max() < 0.02


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_correlations_do_not_react_to_marginals(seed: int) -> None:
    """Whatever is added to rows and to columns of the table of shares, the expected score stays 0."""
    reference = _SMALL[0] if _SMALL else _SMALL.append(build_reference(rows(4_000, 1), CONTRACT)) or _SMALL[0]
    random, counts = np.random.default_rng(seed), reference.counts[0].astype(np.float64)
    found = [each for each in linear(reference.scorings[0]) if each[0].measures == "correlation"]
    assert found
    for channel, weights, base in found:
        cells = reference.layout.pair_cells(reference.layout.pairs.index((channel.columns[0], channel.columns[1])))
        left, right = (reference.layout.coarse_sizes[place] for place in channel.columns)
        shares = (counts * base)[cells].reshape(left, right)
        moved = shares * (1 + random.uniform(-0.5, 0.5, (left, 1)) + random.uniform(-0.5, 0.5, (1, right)))
        assert float(moved.ravel() @ weights[cells]) / moved.sum() == pytest.approx(0, abs=1e-9)


_SMALL: list[Reference] = []


def test_missing_and_new_cells_move_no_channel_but_their_own(reference: Reference, scoring: Scoring) -> None:
    for channel, weights, _ in linear(scoring):
        if len(channel.columns) == 1:
            cells = weights[reference.layout.column_cells(channel.columns[0])]
            assert cells[NEW] == 0 or channel.kind == "missingness"
            assert (cells[MISSING] != 0) == (channel.kind == "missingness")


def test_scores_of_stationary_blocks_are_near_standard_normal(reference: Reference, scoring: Scoring) -> None:
    """Seed 21, 400 blocks of new rows. A mean of 400 scores has a standard error of 0.05, and the reference's own
    sampling error adds as much again; of some 80 channels one fails at 5 of these sigma with probability below 1e-4.
    """
    scores, sizes = scoring.score(blocks(reference, 400, 21))
    assert scores.shape == sizes.shape == (400, len(scoring.channels))
    number = scoring.contrasts.shape[0]
    scaled = scores / np.sqrt(np.maximum(sizes, 1e-9))
    sigma = np.sqrt(1 / 400 + reference.block_rows / reference.rows)
    assert np.abs(scaled[:, :number].mean(axis=0)).max() < 5 * sigma
    assert np.abs(scaled[:, :number].std(axis=0) - 1).max() < 5 / np.sqrt(2 * 400)
    # The cube root makes a chi-squared statistic near normal, not normal: of tables with many rare cells less so.
    assert np.abs(scaled[:, number:].mean(axis=0)).max() < 0.35
    assert np.abs(scaled[:, number:].std(axis=0) - 1).max() < 0.25


def test_compiled_and_plain_scores_agree(reference: Reference, scoring: Scoring) -> None:
    """To the bit, blocks of whatever width and however many rows: what is added up is whole."""
    some = blocks(reference, 6, 25, shift=0.5).astype(np.int32)
    # The last is of more rows than 16 bits hold, though no cell has so many.
    some[0], some[1], some[2] = 0, some[1] // 3, some[2] * 90
    many = some[2:3] * 4
    assert many.max() <= MOST < many[0, reference.layout.column_cells(0)].sum()
    off = Off(*(np.random.default_rng(25).uniform(0.5, 2, (3, len(scoring.channels)))))
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for compiled in (scoring_module.COMPILED, False):
            patch.setattr(scoring_module, "COMPILED", compiled)
            narrow = some[some.max(axis=1) < 256].astype(np.uint8)
            found.append(
                [
                    *scoring.score(some),
                    *scoring.score(narrow, True),
                    *scoring.off(some.astype(np.uint16), off),
                    *scoring.score(many),
                    *scoring.score(many.astype(np.int64) * 1_000),
                ]
            )
    assert len(narrow) > 3
    assert [each.tobytes() for each in found[0]] == [each.tobytes() for each in found[1]]


def test_counts_of_many_rows_score_as_their_blocks_do(reference: Reference, scoring: Scoring) -> None:
    """Linear scores add up: 400 blocks are too many rows for 16 bits."""
    some, number = blocks(reference, 400, 26), len(scoring.scales)
    whole, sizes = scoring.whole(some.sum(axis=0, dtype=np.int64))
    scores, own = scoring.score(some)
    assert whole[:number] == pytest.approx(scores[:, :number].sum(axis=0), abs=1e-6)
    assert sizes == pytest.approx(own.sum(axis=0))


def test_each_change_moves_its_own_contrast_most(reference: Reference, scoring: Scoring) -> None:
    """Seed 22: means of 20 blocks, in which a change of this size stands 50 standard errors out."""
    for change, measures, columns in (
        ({"shift": 1.0}, "location", (1,)),
        ({"rho": -0.5}, "correlation", (0, 1)),
    ):
        mean = np.abs(scoring.score(blocks(reference, 20, 22, **change))[0].mean(axis=0))
        strongest = scoring.channels[int(np.argmax(mean[: scoring.contrasts.shape[0]]))]
        assert (strongest.measures, strongest.columns) == (measures, columns)


def test_scores_of_a_block_do_not_depend_on_the_blocks_beside_it(reference: Reference, scoring: Scoring) -> None:
    some = blocks(reference, 5, 23)
    together, sizes = scoring.score(some)
    for number in range(5):
        alone, size = scoring.score(some[number : number + 1])
        assert alone[0].tolist() == together[number].tolist()
        assert size[0].tolist() == sizes[number].tolist()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(5, 120), min_size=5, max_size=5), st.integers(0, 2**32))
def test_chi_squared_is_that_of_scipy(shares: list[int], seed: int) -> None:
    """Against a baseline so large that its own sampling error is nothing."""
    bins = (ColumnBins("c", "string", "categorical", values=tuple("abcde")),)
    baseline = np.array([0, 0, *shares], dtype=np.int64) * 10_000_000
    layout = lay_out([baseline], bins, ())
    scoring = scoring_of(baseline, layout, bins, 1_000, baseline)
    wanted = np.asarray(shares) / sum(shares)
    seen = np.random.default_rng(seed).multinomial(1_000, np.roll(wanted, seed % 2))
    scores, _ = scoring.score(np.array([[0, 0, *seen]], dtype=np.int32))
    shape = next(place for place, channel in enumerate(scoring.channels) if channel.measures == "shape")
    statistic, tail = stats.chisquare(seen, 1_000 * wanted)
    normal = (np.cbrt(statistic / 4) - (1 - 2 / 36)) / np.sqrt(2 / 36)
    assert scores[0, shape] == pytest.approx(float(np.clip(normal, -20, 20)), abs=1e-3)
    if 1e-4 < tail < 0.99:
        assert float(stats.norm.sf(scores[0, shape])) == pytest.approx(float(tail), rel=0.1, abs=0.003)


def test_slots_that_a_channel_keeps_are_joined_where_a_block_has_too_few_rows_of_them() -> None:
    """Of six values the last two share a slot, too rare to stand alone; then the second is rare and the last not."""
    bins = (ColumnBins("c", "string", "categorical", values=tuple("abcdef")),)
    before = np.array([0, 0, 400, 300, 200, 80, 15, 5], dtype=np.int64)
    after = np.array([0, 0, 400, 5, 200, 80, 15, 300], dtype=np.int64)
    layout = lay_out([before], bins, ())
    reference = scoring_of(before, layout, bins, 100, before)
    assert reference.slots.toarray()[:, 2:].tolist() == [
        [1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 1]
    ]  # fmt: skip
    pools = reference.pools(np.array([True]))
    assert pools.tolist() == [-1, -1, 0, 1, 2, 3, 4, 4]
    again = scoring_of(before, layout, bins, 100, before, kept=pools)
    assert (again.slots != reference.slots).nnz == 0
    assert again.wanted.tolist() == reference.wanted.tolist()
    kept = scoring_of(after, layout, bins, 100, before, kept=pools)
    assert kept.slots.toarray()[:, 2:].tolist() == [
        [1, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0, 1, 0, 1, 0, 0], [0, 0, 0, 0, 1, 1]
    ]  # fmt: skip
    assert kept.wanted.tolist() == [0.4, 0.2, 0.085, 0.315]
    own = scoring_of(after, layout, bins, 100, before)
    free = scoring_of(after, layout, bins, 100, before, kept=reference.pools(np.array([False])))
    assert (free.slots != own.slots).nnz == 0
    assert own.slots.shape != kept.slots.shape or (own.slots != kept.slots).nnz


def nominal(scores: Floats, sizes: Floats) -> Floats:
    """(channels,) the mean score of a nominal block; what pairs are scored by is of several blocks here."""
    found: Floats = scores.sum(axis=0) / sizes.sum(axis=0)
    return found


def test_effects_are_in_the_unit_of_their_channel(reference: Reference, scoring: Scoring) -> None:
    """Seed 24: 200 blocks; a location's effect has a standard error below 0.01, a correlation's as well."""
    mean = nominal(*scoring.score(blocks(reference, 200, 24, shift=0.3)))
    places = {(each.measures, each.columns): place for place, each in enumerate(scoring.channels) if not each.group}
    located, pair = places["location", (1,)], places["correlation", (0, 1)]
    assert scoring.effect(located, float(mean[located])) == pytest.approx(0.3, abs=0.05)
    assert float(scoring.scales[pair, 1]) == pytest.approx(0.5, abs=0.05)
    mean = nominal(*scoring.score(blocks(reference, 200, 24, rho=0.2)))
    assert scoring.effect(pair, float(mean[pair])) == pytest.approx(-0.3, abs=0.06)
