"""One look at a release in use: what fails under every draw is a failure, what fails under some is chance."""

from dataclasses import dataclass
from typing import Literal

import pytest

from schemas.finding import Finding, Gate
from tests.unit.validators.population import evidence
from validators import registry
from validators.looks import CHANCE, DRAWS, run_look
from validators.protocol import Evidence
from validators.verdicts import hold


@dataclass(frozen=True, slots=True)
class Scripted:
    """Fails at the stated draws, the first being 0; a second metric passes always."""

    fails: frozenset[int]
    seeds: list[int]
    metric: str = "linkability"
    gate: Gate = "privacy"
    looks_at: Literal["synthetic", "members"] = "members"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        self.seeds.append(evidence.seed)
        value = float(len(self.seeds) - 1 in self.fails)
        if self.metric == "copied_rows":
            value = 1 - value  # a p-value, which fails where it is small
        return (
            hold(evidence.contract, self.metric, self.gate, value),
            hold(evidence.contract, "singling_out", self.gate, 0.0),
        )


def look(monkeypatch: pytest.MonkeyPatch, measure: Scripted) -> dict[str, Finding]:
    monkeypatch.setattr(registry, "VALIDATORS", (measure,))
    told: list[str] = []
    report = run_look(evidence((20, 20, 20, 20), attempt=4), lambda metric, _: told.append(metric))
    assert (told, report.gate) == ([measure.metric], "privacy")
    return {finding.metric: finding for finding in report.findings}


@pytest.mark.parametrize(
    ("fails", "verdict", "draws"),
    [
        (frozenset(), "PASS", 1),
        (frozenset({0}), "INSUFFICIENT", 2),
        (frozenset({0, 1}), "INSUFFICIENT", 3),
        (frozenset({1, 2}), "PASS", 1),
        (frozenset(range(DRAWS)), "FAIL", 3),
    ],
    ids=["never", "once", "twice", "later only", "always"],
)
def test_only_what_fails_under_every_draw_fails(
    monkeypatch: pytest.MonkeyPatch, fails: frozenset[int], verdict: str, draws: int
) -> None:
    measure = Scripted(fails, [])
    found = look(monkeypatch, measure)
    assert (found["linkability"].verdict, found["singling_out"].verdict) == (verdict, "PASS")
    assert (found["linkability"].reason == CHANCE) is (verdict == "INSUFFICIENT")
    assert len(set(measure.seeds)) == len(measure.seeds) == draws


def test_the_measure_that_shares_out_its_rate_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    measure = Scripted(frozenset({0}), [], metric="copied_rows")
    assert (look(monkeypatch, measure)["copied_rows"].verdict, len(measure.seeds)) == ("FAIL", 1)


def test_a_look_draws_the_same_whenever_it_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (Scripted(frozenset(range(DRAWS)), []) for _ in range(2))
    look(monkeypatch, first)
    look(monkeypatch, second)
    assert first.seeds == second.seeds
