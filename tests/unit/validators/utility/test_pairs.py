from dataclasses import replace

from tests.unit.validators.population import evidence, independent
from validators.utility.pairs import PairFidelity


def test_fresh_rows_pass_and_shuffled_columns_score_lower() -> None:
    source = evidence()
    (fresh,) = PairFidelity().measure(source)
    (shuffled,) = PairFidelity().measure(replace(source, synthetic=independent(source.synthetic)))
    assert fresh.verdict == "PASS"
    assert fresh.interval is not None
    assert (shuffled.value or 1) < fresh.interval[0]
    assert fresh.detail["pairs"] == 21


def test_the_broken_pair_is_named() -> None:
    source = evidence()
    mixed = source.synthetic.assign(plan=independent(source.synthetic)["plan"])
    (found,) = PairFidelity().measure(replace(source, synthetic=mixed))
    assert "income x plan" in found.detail["worst"]
