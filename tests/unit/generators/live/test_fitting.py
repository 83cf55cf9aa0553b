"""Releases from counts: the same bytes as from rows, within the grant, each from the one before."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generators.live.counting import counted
from generators.live.fitting import fit_counts, fit_rows, layout_for, open_rows
from generators.live.release import Release, release_of
from generators.marginals import FAMILY
from generators.private.granting import whole_budget
from generators.protocol import FitRequest, silent
from schemas.accounting import epsilon_of, within
from schemas.contract import PrivacyUnit
from schemas.counts import TableCounts
from schemas.errors import ArtefactError, BudgetError, ContractError
from schemas.mechanism import Gaussian
from tests.unit.generators.live.streams import streamed, typed_rows

CONTRACT = streamed()
GRANT = (whole_budget(CONTRACT),)
SECRET = bytes(range(32))
SECRETS = st.binary(min_size=32, max_size=32)
REQUEST = FitRequest(CONTRACT, SECRET, GRANT)
ROWS = typed_rows(CONTRACT, 3_000)
FIRST = fit_rows(ROWS, REQUEST, silent)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.integers(1, 400), seed=st.integers(0, 9), secret=SECRETS, again=st.booleans())
def test_rows_and_counts_give_the_same_bytes(rows: int, seed: int, secret: bytes, again: bool) -> None:
    request, prior = FitRequest(CONTRACT, secret, GRANT), FIRST if again else None
    table = typed_rows(CONTRACT, rows, seed)
    counts = TableCounts.from_bytes(counted(table, layout_for(CONTRACT, prior)).to_bytes())
    shuffled = table.sample(frac=1, random_state=seed).reset_index(drop=True)
    made = fit_counts(counts, request, silent, prior).to_bytes()
    assert fit_rows(shuffled, request, silent, prior).to_bytes() == made


def test_the_family_fits_to_counts_where_the_contract_says_so() -> None:
    made = FAMILY.fit(ROWS, REQUEST, silent)
    assert made.to_bytes() == FIRST.to_bytes()
    assert FAMILY.load(made.to_bytes(), CONTRACT).sample(50, 3).equals(made.sample(50, 3))


def test_another_row_gives_other_noise() -> None:
    """The noise itself must not be the same on two tables: it would cancel in their difference."""
    counts = counted(ROWS, layout_for(CONTRACT))
    fewer = counted(ROWS.iloc[1:], layout_for(CONTRACT))
    assert abs(counts.rows - fewer.rows) == 1
    tables = [fit_counts(each, REQUEST, silent).published.joints[0].shares for each in (counts, fewer)]
    assert np.abs(tables[0] - tables[1]).sum() * 3_000 > 20


@pytest.mark.parametrize("prior", [None, FIRST])
def test_what_is_recorded_stays_within_the_grant(prior: object) -> None:
    made = fit_rows(ROWS, REQUEST, silent, FIRST if prior else None)
    assert within(made.mechanisms, GRANT, CONTRACT.policy.privacy.delta)
    assert epsilon_of(made.mechanisms, CONTRACT.policy.privacy.delta) > 0.9


def test_a_release_is_read_back_with_what_it_published() -> None:
    body = FIRST.to_bytes()
    found = release_of(body, CONTRACT)
    assert found.to_bytes() == body
    assert fit_rows(ROWS, REQUEST, silent, found).to_bytes() == fit_rows(ROWS, REQUEST, silent, FIRST).to_bytes()


def test_a_model_without_published_tables_is_no_prior() -> None:
    adaptive = streamed().model_copy(
        update={"policy": CONTRACT.policy.model_copy(update={"generation": type(CONTRACT.policy.generation)()})}
    )
    body = FAMILY.fit(ROWS, FitRequest(adaptive, SECRET, GRANT), silent).to_bytes()
    with pytest.raises(ArtefactError, match="published"):
        release_of(body, adaptive)


def test_a_first_release_with_bins_of_its_own_can_be_followed() -> None:
    first = open_rows(ROWS, REQUEST, silent)
    second = fit_rows(typed_rows(CONTRACT, 3_000, 5, moved=0.3), REQUEST, silent, first)
    share = (second.sample(20_000, 1)["late"] == 1).mean()
    assert share == pytest.approx(0.5, abs=0.06)
    assert second.published.releases == 2


def test_a_first_release_with_bins_of_its_own_uses_the_declared_triple() -> None:
    """The releases that follow measure it again."""
    first = open_rows(ROWS, REQUEST, silent)
    assert _knows_a_triple(first)
    assert release_of(first.to_bytes(), CONTRACT).sample(50, 3).equals(first.sample(50, 3))
    second = fit_rows(typed_rows(CONTRACT, 3_000, 5), REQUEST, silent, first)
    assert _knows_a_triple(second)
    assert second.published.triples.scale == 1


def _knows_a_triple(made: Release) -> bool:
    return any(link.beside is not None for fitted in made.conditionals for link in fitted.links)


def test_a_drift_is_followed_and_the_rest_is_kept() -> None:
    """At epsilon 1 on 3,000 rows the share of late orders is known to about 0.01; seed 5."""
    late = [(made.sample(20_000, 1)["late"] == 1).mean() for made in (FIRST, _after(0.3))]
    assert late[0] == pytest.approx(0.2, abs=0.05)
    assert late[1] == pytest.approx(0.5, abs=0.06)


def _after(moved: float) -> object:
    return fit_rows(typed_rows(CONTRACT, 3_000, 5, moved), REQUEST, silent, FIRST)


def test_a_grant_is_needed_and_gaussian() -> None:
    with pytest.raises(BudgetError):
        fit_rows(ROWS, FitRequest(CONTRACT, SECRET), silent)


def test_entities_in_several_windows_are_covered_by_more_noise() -> None:
    contract = streamed(PrivacyUnit(kind="entity", column="person", max_rows=2), epsilon="5")
    request = FitRequest(contract, SECRET, (Gaussian(noise_multiplier=0.5),))
    counts = counted(typed_rows(contract, 2_000), layout_for(contract))
    assert counts.rows == 2_000
    one, four = (fit_counts(replace(counts, windows=windows), request, silent).published for windows in (1, 4))
    variances = [np.mean([joint.variance for joint in found.joints]) * found.rows**2 for found in (one, four)]
    assert variances[1] > 8 * variances[0]
    assert counted(typed_rows(contract, 2_000), layout_for(contract)).windows == 1


def test_rows_of_an_entity_are_bounded_before_they_are_counted() -> None:
    contract = streamed(PrivacyUnit(kind="entity", column="person", max_rows=2), epsilon="20")
    request = FitRequest(contract, SECRET, (whole_budget(contract),))
    made = fit_rows(typed_rows(contract, 2_000), request, silent)
    assert made.published.rows == pytest.approx(97 * 2, abs=60)


def test_counts_on_other_bins_than_the_prior_s_are_refused() -> None:
    first = open_rows(ROWS, REQUEST, silent)
    with pytest.raises(ContractError, match="cut across"):
        fit_counts(counted(ROWS, layout_for(CONTRACT)), REQUEST, silent, first)
