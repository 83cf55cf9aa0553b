"""What a job in the pool says of itself, told to those who watch the run: how far, how long still, at what cost."""

import time
from collections.abc import Callable

from schemas.events import derive_id
from schemas.events.runs import GenerationRequest, RunProgressed, Station
from schemas.model import epsilon_text
from stream_app.adapters.jobs import Heard, Listener
from stream_app.agents.context import Context

RATHER_SURE = 0.05
"""Below this fraction a guess at the end would be a bad one."""
RAREST_S = 0.5
"""Steps of one phase are told no more often than this."""


def teller(context: Context, station: Station, request: GenerationRequest) -> Listener:
    """Publishes progress from the pool's thread, and waits for nothing."""
    estimate = estimator(context.settings.cpu_hour_price, context.settings.currency)
    told_last: list[tuple[str, float]] = []

    def tell(heard: Heard) -> None:
        now = time.monotonic()
        if told_last and told_last[0][0] == heard.phase and heard.of and now - told_last[0][1] < RAREST_S:
            return
        told_last[:] = [(heard.phase, now)]
        told = RunProgressed(
            event_id=derive_id(request.release_id, station, heard.phase, f"{heard.fraction:.3f}", heard.step),
            dataset=request.dataset,
            run_id=request.run_id,
            station=station,
            fraction=min(1.0, max(0.0, heard.fraction)),
            message=heard.phase[:200],
            step=heard.step if heard.of else None,
            of=heard.of or None,
            epsilon_so_far=None if heard.epsilon is None else epsilon_text(heard.epsilon),
            **estimate(heard, now),
        )
        context.publisher.send("run.progress", told)

    return tell


def estimator(price: float | None, currency: str) -> Callable[[Heard, float], dict[str, float | str]]:
    """Seconds left, processor seconds in all and their cost, from what was heard at which monotonic time.

    Time runs from the first word; work counts as even over the fractions that a job tells.
    """
    first: list[tuple[float, float]] = []

    def estimate(heard: Heard, now: float) -> dict[str, float | str]:
        if not first:
            first.append((now, heard.fraction))
        since, start = first[0]
        done = heard.fraction - start
        if not RATHER_SURE <= heard.fraction <= 1 or done <= 0:
            return {}
        seconds = heard.cpu_seconds / heard.fraction
        found: dict[str, float | str] = {
            "seconds_left": round((now - since) * (1 - heard.fraction) / done, 1),
            "cpu_seconds": round(seconds, 1),
        }
        if price is not None:
            found["estimated_cost"] = f"{seconds / 3600 * price:.4f} {currency}"
        return found

    return estimate
