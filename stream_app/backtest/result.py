"""What a backtest found, as a frozen document: what would have happened, what it would have cost, and when."""

from typing import Literal

from schemas.model import Model

What = Literal["drift", "granted", "refused", "dismissed", "deferred", "certified", "rejected", "expired", "incident"]
Cause = Literal["snapshot", "drift", "expiry", "renewal", "check", "person", "private test"]
"""What asked for a run, as in a request; a renewal is asked for ahead of an expiry."""


class Happening(Model):
    """Something that happened when so many rows of the history had come; ``time`` is for people."""

    row: int
    at: int
    time: str
    what: What
    text: str


class Runs(Model):
    """The granted runs of one cause. ``sampled_again``: attempts that reused a fitted model and spent nothing."""

    cause: Cause
    runs: int
    attempts: int
    sampled_again: int
    certified: int


class Grant(Model):
    """One grant, and what the scope had spent after it; ``sampled_again``: a fitted model is reused, at no cost."""

    row: int
    at: int
    time: str
    cause: Cause
    sampled_again: bool
    epsilon_after: str


class Budget(Model):
    """The scope's budget at the end, as its ledger has it; ``ran_out`` is the first time that it refused a run."""

    scope: str
    claim: Literal["formal", "empirical"]
    epsilon: str
    cap: str
    delta: float
    grants: tuple[Grant, ...]
    refusals: int
    ran_out: Happening | None = None


class KnownChange(Model):
    """A change that the caller knows of, and how many rows after it drift was first found, if before the next one."""

    row: int
    delay: int | None = None


class Alarms(Model):
    """Drift that was found, by kind; ``expected_false`` is what the contract's budget of false alarms allows.

    ``false`` are those after no known change, where changes are known.
    """

    found: int
    kinds: dict[str, int]
    expected_false: float
    changes: tuple[KnownChange, ...] = ()
    false: int | None = None


class Stationary(Model):
    """The same rows in random order, where nothing moves: all that is found is false, and what it would cost."""

    seed: int
    drifts: int
    kinds: dict[str, int]
    drift_runs: int
    epsilon: str


class Cost(Model):
    """``cpu_seconds`` of the replay. ``fits`` are generators to be fitted, at ``fit_seconds`` each where known."""

    cpu_seconds: float
    rows_per_cpu_second: int
    fits: int
    fit_seconds: float | None = None
    training_seconds: float | None = None


class Backtest(Model):
    """A whole contract, tried on a history. ``dismissed`` and ``deferred`` count reasons, figures in them left out.

    ``unfinished`` says what was still open when the history ended, ``supposed`` what was not replayed but assumed.
    """

    dataset: str
    version: str
    contract_digest: str
    rows: int
    reference_rows: int
    first: str
    last: str
    runs: tuple[Runs, ...]
    budget: Budget
    alarms: Alarms
    dismissed: dict[str, int]
    deferred: dict[str, int]
    cost: Cost
    happenings: tuple[Happening, ...]
    unfinished: tuple[str, ...]
    supposed: tuple[str, ...]
    stationary: Stationary | None = None

    @property
    def regenerations(self) -> int:
        """Runs after the first snapshot's."""
        return sum(each.runs for each in self.runs if each.cause not in ("snapshot", "private test"))
