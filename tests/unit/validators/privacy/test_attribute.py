from dataclasses import replace

import numpy as np
import pytest

from schemas.errors import InsufficientEvidence
from schemas.finding import Finding
from tests.unit.validators.population import contract, evidence, independent
from validators.privacy.attribute import AttributeDisclosure, secrets
from validators.protocol import Evidence


def measured(source: Evidence) -> Finding:
    (found,) = AttributeDisclosure().measure(source)
    return found


def test_a_copy_discloses_the_secrets_of_its_members() -> None:
    source = evidence()
    found = measured(replace(source, synthetic=source.train))
    assert found.verdict == "FAIL"
    assert (found.value or 0) > 0.3


def test_a_copy_that_hides_other_columns_still_discloses() -> None:
    source = evidence()
    table = source.train.assign(active=independent(source.train)["active"], region=independent(source.train)["region"])
    assert measured(replace(source, synthetic=table)).verdict == "FAIL"


def test_fresh_tables_disclose_nothing_of_anyone() -> None:
    """Seeds 0 to 7; the lower bounds are simultaneous at 97.5 %, and .05 above that is some five deviations away."""
    found = [measured(evidence(seed=seed)) for seed in range(8)]
    assert all(item.verdict == "PASS" for item in found)
    assert sum((item.interval or (0, 0))[0] > 0 for item in found) <= 2


def test_a_table_that_says_much_about_everyone_is_no_disclosure() -> None:
    """The held-out records' secrets are told as well: that is what the table is for."""
    source = evidence()
    told = [table.assign(active=table["churned"]) for table in (source.train, source.holdout, source.synthetic)]
    found = measured(replace(source, train=told[0], holdout=told[1], synthetic=told[2]))
    assert found.verdict == "PASS"


def test_secrets_are_the_target_and_what_varies_most() -> None:
    found = secrets(evidence())
    assert found[0] == "churned"
    assert len(found) == 7
    assert secrets(evidence(contract=contract(target=None)))[0] in ("age", "income", "since")


def test_named_sensitive_columns_are_the_only_secrets() -> None:
    source = evidence(contract=contract(sensitive=("income", "plan")))
    assert secrets(source) == ("income", "plan")
    found = measured(replace(source, synthetic=source.train))
    assert found.detail["sensitive_named"] is True
    assert {key.split()[0] for key in found.detail["excess"]} == {"income", "plan"}


@pytest.mark.parametrize("target", ["age", "plan", "since", None])
def test_targets_of_every_kind_are_measured(target: str | None) -> None:
    source = evidence((300, 300, 100, 300), contract=contract(target=target))
    found = measured(source)
    models = [key for key in found.detail["excess"] if key.endswith("by model")]
    assert len(models) == (target is not None)
    assert np.isfinite(found.value or 0)


def test_few_units_are_no_evidence() -> None:
    for sizes in ((90, 200, 100, 200), (200, 90, 100, 200), (200, 200, 100, 90)):
        with pytest.raises(InsufficientEvidence):
            measured(evidence(sizes))
