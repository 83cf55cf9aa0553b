"""What a contract says about regeneration: what may start a run, how soon, out of which part of the budget."""

from operator import not_
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.model import Model, Name

Origin = Literal["snapshot", "drift", "expiry", "check", "person"]
"""What asks for a run: new rows, drift, a release that expires, a failed check on fresh rows, a signed command."""

DATA_DRIVEN: frozenset[Origin] = frozenset({"drift", "check"})
"""Origins that live rows decide and nobody else: they rest after a run, and leave the reserve to the others."""


class Regeneration(Model):
    """When and how often; ``ladder`` is what to try after a rejection.

    *Which drift is acted on.* ``debounce_rows`` of live rows and ``debounce_seconds`` must lie between two drifts that
    start a run; what comes sooner is taken for the same change and dropped. A change counts once it has lasted
    ``persistence_rows``, shown by a later report of it or by the rows of its sealed window (so that more rows than a
    window holds ask for a second report); the severities of the changes found since the last run that count must add
    up to ``minimum_severity``. What does not suffice is noted, and the next run learns it, whatever starts that.

    *When.* For ``cool_down_seconds`` after any run ended, what drift and failed checks ask for waits, and is not lost.
    ``renew_days_ahead`` of a release's expiry a run is started, another at expiry if that brought none.

    *Out of which budget.* Drift and failed checks may not use the share ``budget_reserve`` of the scope's cap.

    *In which order.* With ``subgroups_first`` nothing else that drift or checks ask for displaces a subgroup's, and
    ``subgroup_debounce_rows`` may be shorter than the others' debounce.

    Fields at their default are left out of the document, so that older contracts keep their digests.
    """

    on_drift: bool = True
    on_expiry: bool = True
    debounce_rows: Annotated[int, Field(ge=0)] = 2_000
    debounce_seconds: Annotated[int, Field(ge=0)] = 0
    subgroup_debounce_rows: Annotated[int, Field(ge=0)] | None = None
    persistence_rows: Annotated[int, Field(ge=0, le=1_000_000_000, exclude_if=not_)] = 0
    minimum_severity: Annotated[float, Field(ge=0, le=1, exclude_if=not_)] = 0.0
    cool_down_seconds: Annotated[int, Field(ge=0, le=31_536_000, exclude_if=not_)] = 0
    renew_days_ahead: Annotated[int, Field(ge=0, exclude_if=not_)] = 0
    budget_reserve: Annotated[float, Field(ge=0, lt=1, exclude_if=not_)] = 0.0
    subgroups_first: Annotated[bool, Field(exclude_if=bool)] = True
    max_attempts: Annotated[int, Field(ge=1, le=10)] = 3
    ladder: tuple[Name, ...] = ()
    rows: Annotated[int, Field(ge=1)] | None = None
    allow_control_families: bool = False

    @model_validator(mode="after")
    def _subgroups_are_not_slower(self) -> Self:
        if self.subgroup_debounce_rows is not None and self.subgroup_debounce_rows > self.debounce_rows:
            raise ValueError("subgroup_debounce_rows is larger than debounce_rows: subgroups would come last")
        return self
