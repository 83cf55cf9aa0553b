"""What a contract asks of a release holds for every family: shares, quotas, parity, k and l, exact rows, same bytes."""

from pathlib import Path

import pandas as pd
import pytest

from generators.generation import Fitted, fit
from generators.registry import FAMILIES
from generators.sampling.releasing import Releasing, released
from generators.sampling.streaming import stream
from schemas.contract import Constraint, Contract
from schemas.generation import Anonymity, Balance, Generation, Parity, Quota, Share
from schemas.table import conform
from tests.contract.quickly import QUICKLY
from tests.contract.test_families import GENERIC, contract_for, table

HONEST = [name for name in GENERIC if not FAMILIES[name].control]
BALANCE = Balance(
    shares=(Share(column="late", value=1, share=0.3),),
    quotas=(Quota(column="city", shares=(("a", 0.25), ("c", 0.5))),),
    parity=(Parity(subgroup="member", outcome="late", favourable=1, difference=0.1),),
)


def asking(name: str, **wishes: object) -> Contract:
    constraints = (Constraint(left="low", operator="<=", right="high"),)
    base = contract_for(name, constraints=constraints)
    return base.model_copy(
        update={
            "policy": base.policy.model_copy(
                update={
                    "generation": Generation(**wishes),  # type: ignore[arg-type]
                    "quasi_identifiers": ("city", "day"),
                    "sensitive": ("late",),
                }
            )
        }
    )


@pytest.mark.parametrize("name", HONEST)
def test_a_release_of_any_family_has_the_wished_shape(name: str, tmp_path: Path) -> None:
    balanced = asking(name, balance=BALANCE)
    fitted = fit(table(600), balanced, name, 1, parameters=QUICKLY.get(name, {}))
    assert isinstance(fitted, Fitted), fitted
    found, report = released(fitted.model, balanced, 401, 2)
    assert len(found) == 401
    assert int((found["late"] == 1).sum()) == 120
    assert int((found["city"] == "a").sum()) == 100
    assert int((found["city"] == "c").sum()) in (200, 201)
    assert conform(found, balanced).violations == ()
    assert report is not None
    assert report.parity[0].after <= 0.1 + 1e-9
    pd.testing.assert_frame_equal(found, released(fitted.model, balanced, 401, 2)[0])

    private = asking(name, anonymity=Anonymity(k=4, l=1))
    kept, report = released(fitted.model, private, 400, 3)
    assert report is not None
    assert report.anonymity is not None
    assert len(kept) == 400 - report.anonymity.suppressed + report.anonymity.replaced
    assert kept.groupby(["city", "day"], dropna=False).size().min() >= 4
    assert conform(kept, private).violations == ()

    both = asking(name, balance=BALANCE)
    parts = pd.concat(Releasing(fitted.model, both, 300, 4, part=120).parts(), ignore_index=True)
    assert (len(parts), int((parts["late"] == 1).sum())) == (300, 90)
    written = [tmp_path / place for place in ("a.csv", "b.csv")]
    for path in written:
        stream(fitted.model, both, 300, 4, path, part=120)
    assert written[0].read_bytes() == written[1].read_bytes()
