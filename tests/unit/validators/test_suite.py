"""The suite's digest: the same for the same attacks, another for anything that could find something else."""

from dataclasses import dataclass
from typing import Literal

import pytest

from schemas.finding import Finding, Gate
from validators import registry, suite
from validators.protocol import Evidence
from validators.suite import suite_digest


@dataclass(frozen=True, slots=True)
class NewAttack:
    """One attack more."""

    metric: str = "copied_rows"
    gate: Gate = "privacy"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        return ()


def test_the_same_attacks_have_the_same_digest() -> None:
    assert suite_digest() == suite_digest()


def test_a_measure_of_the_privacy_gate_that_comes_goes_or_moves_changes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before, own = suite_digest(), registry.validators_of("privacy")
    found = {before}
    for privacy in ((*own, NewAttack()), own[1:], own[::-1]):
        monkeypatch.setattr(registry, "VALIDATORS", privacy)
        found.add(suite_digest())
    assert len(found) == 4


def test_another_gate_s_measures_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    before = suite_digest()
    monkeypatch.setattr(registry, "VALIDATORS", registry.validators_of("privacy"))
    assert suite_digest() == before


@pytest.mark.parametrize("change", [{"default": 0.123}, {"direction": "at_most"}, {"method": "another way"}], ids=str)
def test_a_limit_or_a_method_changes_it(monkeypatch: pytest.MonkeyPatch, change: dict[str, object]) -> None:
    before = suite_digest()
    changed = [metric.model_copy(update=change if metric.name == "copied_rows" else {}) for metric in suite.METRICS]
    monkeypatch.setattr(suite, "METRICS", changed)
    assert suite_digest() != before


def test_a_library_or_the_number_raised_by_hand_changes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {suite_digest()}
    monkeypatch.setattr(suite, "SUITE", 2)
    found.add(suite_digest())
    monkeypatch.setattr(suite, "LIBRARIES", ("numpy", "no-such-library"))
    found.add(suite_digest())
    monkeypatch.setattr(suite, "version", lambda name: "0")
    found.add(suite_digest())
    assert len(found) == 4
