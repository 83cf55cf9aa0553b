"""One-run audits of the formal families: lower bounds on epsilon beside the claim, right and with weakened noise."""

import time
from typing import Any

from generators.registry import FAMILIES, available
from schemas.accounting import gaussian_mu
from tests.benchmarks.generators.canaries import black_box, broken, canaries, white_box

CLAIMS = ("1", "2", "4")
METERED = ("dp-marginals", "aim")
CANARIES, SEEDS = 200_000, 5


def measure(quick: bool) -> list[dict[str, Any]]:
    """A row for each family, claim and weakening: bounds over the seeds, and how many exceed the claim."""
    found = []
    for name in METERED:
        for claim in CLAIMS[1:2] if quick else CLAIMS:
            for divisor in (1.0, 2.0, 10.0):
                found.append(_white(name, claim, divisor, quick))
    others = [name for name in available() if FAMILIES[name].formal and not FAMILIES[name].control]
    return found + [_black(name, quick) for name in others]


def _white(name: str, claim: str, divisor: float, quick: bool) -> dict[str, Any]:
    """From the noisy answers; ``divisor`` is how many times too small the noise is."""
    count, seeds = (CANARIES // 2, 2) if quick else (CANARIES, SEEDS)
    started, bounds = time.process_time(), []
    for seed in range(seeds):
        with broken(divisor):
            bounds.append(white_box(name, canaries(count, claim, seed), seed).epsilon)
    return _row(name, "white box", claim, divisor, count, bounds, started)


def _black(name: str, quick: bool) -> dict[str, Any]:
    """From synthetic rows; families without a meter train on the table, which is kept small for them."""
    count = (10_000 if quick else 50_000) if name in METERED else 200
    started = time.process_time()
    bounds = [
        black_box(name, canaries(count, "2", seed), seed, 10 * count).epsilon for seed in range(1 if quick else 3)
    ]
    return _row(name, "black box", "2", 1.0, count, bounds, started)


def _row(
    name: str, box: str, claim: str, divisor: float, count: int, bounds: list[float], started: float
) -> dict[str, Any]:
    return {
        "family": name,
        "audit": box,
        "claimed epsilon": float(claim),
        "mu": round(gaussian_mu(float(claim), 1e-5), 4),
        "noise divided by": divisor,
        "canaries": count,
        "seeds": len(bounds),
        "lower bound, mean": round(sum(bounds) / len(bounds), 3),
        "lower bound, largest": round(max(bounds), 3),
        "above the claim": sum(bound > float(claim) for bound in bounds),
        "CPU s": round((time.process_time() - started) / len(bounds), 2),
    }
