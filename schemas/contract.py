"""A data contract as Perennial decides by it: columns with public domains, and the policy of one dataset.

Contracts are written as ODCS v3 YAML (``schemas/odcs.py`` reads and writes that); this is the frozen document that
a request pins, that a digest is taken of, and that the stations obey. Everything here counts as public knowledge
only where ``confirmed`` says so: a formal privacy claim may rest on nothing else.
"""

from collections.abc import Iterable
from decimal import ROUND_CEILING, Decimal
from operator import not_
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.drift import DriftPolicy
from schemas.generation import Generation
from schemas.metrics import DEFAULT_LIMITS, DIRECTIONS, KNOWN_LIMITS
from schemas.model import Epsilon, Model, Name
from schemas.monitoring import MonitoringPolicy
from schemas.regeneration import Regeneration
from schemas.relations import Reference, Sequence
from schemas.usage import Usage

Scalar = bool | int | float | str
LogicalType = Literal["integer", "number", "string", "boolean", "date", "timestamp"]
Role = Literal["modelled", "entity", "time", "identifier", "ignored", "text"]
"""``modelled`` columns are synthesised; ``entity`` is the privacy unit's key and ``time`` orders rows (neither is
released); ``identifier`` and ``ignored`` columns are neither read by a generator nor released. ``text`` is free text:
no generator reads it, and a release holds it empty, or as ``generation.free_text`` writes it.
"""


class Categories(Model):
    """A finite public domain; values outside it are clipped to ``other`` where allowed, and else break the contract."""

    kind: Literal["categories"] = "categories"
    values: tuple[Scalar, ...]
    other: bool = False
    confirmed: bool = False

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len({(type(value), value) for value in self.values}) != len(self.values):
            raise ValueError("a domain names a value twice")
        return self


class Range(Model):
    """A public numeric range on a lattice: values are ``lower + i * resolution``; dates and timestamps count seconds
    since 1970.
    """

    kind: Literal["range"] = "range"
    lower: float
    upper: float
    resolution: Annotated[float, Field(gt=0)]
    confirmed: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.upper < self.lower:
            raise ValueError("upper lies below lower")
        return self


Domain = Annotated[Categories | Range, Field(discriminator="kind")]


class Column(Model):
    """One column: its type, what it is for, and its public domain."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    type: LogicalType
    role: Role = "modelled"
    required: bool = False
    unique: bool = False
    domain: Domain | None = None
    personal: str | None = None
    description: str | None = None


class Dependency(Model):
    """``dependent`` is a public function of ``determinants``: each row of ``table`` is their values, then the
    dependent's.

    Combinations that the table does not list cannot occur. It costs no budget, because it is no fact about anyone.
    """

    determinants: tuple[str, ...]
    dependent: str
    table: tuple[tuple[Scalar, ...], ...]


class Constraint(Model):
    """Every row satisfies ``left operator right``; ``right`` is a column, or a number where ``constant`` is given."""

    left: str
    operator: Literal["<", "<=", "==", ">=", ">"]
    right: str | None = None
    constant: float | None = None

    @model_validator(mode="after")
    def _one_right_side(self) -> Self:
        if (self.right is None) == (self.constant is None):
            raise ValueError("a constraint compares with a column or with a constant, one of them")
        return self


class PrivacyUnit(Model):
    """Whose presence is protected: one row, or all rows of one entity, of which at most ``max_rows`` are used."""

    kind: Literal["row", "entity"] = "row"
    column: str | None = None
    max_rows: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _entity_has_a_column(self) -> Self:
        if (self.kind == "entity") != (self.column is not None):
            raise ValueError("an entity unit names its column, a row unit names none")
        if self.kind == "row" and self.max_rows != 1:
            raise ValueError("a row unit has max_rows 1")
        return self


class Privacy(Model):
    """What is promised, and out of which budget.

    ``claim``: formal needs a mechanism and confirmed domains, empirical certifies no epsilon. ``timing``: what decides
    *when* to regenerate; ``raw`` (drift on the raw stream) puts the timing outside the guarantee, and the certificate
    says so. ``trigger_epsilon`` is what one run of the private test costs under timing ``private``, from its arming
    until it fires; a tenth of ``epsilon`` where it is not stated.
    """

    claim: Literal["formal", "empirical"] = "formal"
    unit: PrivacyUnit = PrivacyUnit()
    neighbouring: Literal["add_remove"] = "add_remove"
    scope: Name
    epsilon: Epsilon = "1"
    cap_epsilon: Epsilon = "4"
    delta: Annotated[float, Field(gt=0, lt=0.01)] = 1e-5
    accountant: Literal["gdp-1"] = "gdp-1"
    timing: Literal["schedule", "private", "raw"] = "raw"
    trigger_epsilon: Annotated[Epsilon | None, Field(exclude_if=lambda given: given is None)] = None

    @property
    def trigger_cost(self) -> str:
        """The epsilon of one run of the private trigger, as a decimal."""
        if self.trigger_epsilon is not None:
            return self.trigger_epsilon
        tenth = Decimal(self.epsilon) / 10
        return f"{tenth.quantize(Decimal(1).scaleb(-9), rounding=ROUND_CEILING).normalize():f}"

    @model_validator(mode="after")
    def _private_timing_is_sound(self) -> Self:
        """The private test compares rows with a release: that must be public, and one unit must move one row only."""
        if self.timing != "private":
            if self.trigger_epsilon is not None:
                raise ValueError("trigger_epsilon is the price of a private test: it needs timing private")
            return self
        if self.claim != "formal":
            raise ValueError(
                "timing private needs a formal claim: its test compares rows with a release that is public"
            )
        if self.unit.kind != "row":
            raise ValueError("timing private is not offered for entities, whose rows in a window have no bound yet")
        if Decimal(self.trigger_cost) <= 0:
            raise ValueError("timing private needs a trigger_epsilon above 0")
        return self


class Split(Model):
    """Shares of privacy units: train is counted for fitting, the others are never seen by a generator."""

    train: float = 0.5
    holdout: float = 0.2
    second_holdout: float = 0.1
    reference: float = 0.2

    @model_validator(mode="after")
    def _sums_to_one(self) -> Self:
        shares = (self.train, self.holdout, self.second_holdout, self.reference)
        if any(share <= 0 for share in shares) or abs(sum(shares) - 1) > 1e-9:
            raise ValueError("the shares of a split are positive and add up to 1")
        return self


class Tier(Model):
    """Where a release may go, and whose signatures it needs first."""

    name: Name = "internal"
    approvals: tuple[Literal["privacy_officer", "legal", "owner"], ...] = ()
    valid_days: Annotated[int, Field(ge=1)] = 90


class Policy(Model):
    """Everything that a person decides about one dataset; pinned by every request before training starts.

    ``quasi_identifiers`` are what an attacker may know of a person, ``sensitive`` what must not be learnt from them;
    without them a measure says in its finding which columns it took. ``references`` and ``sequence`` say how rows
    belong together, ``usage`` what releases are for, ``drift`` how live rows are watched,
    ``monitoring`` how often a release is measured again, ``generation`` how it is made. Where these are empty they
    are left out of the document, so that contracts written before them keep their digests.
    """

    privacy: Privacy
    target: str | None = None
    tier: Tier = Tier()
    split: Split = Split()
    regeneration: Regeneration = Regeneration()
    dependencies: tuple[Dependency, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    subgroups: tuple[str, ...] = ()
    triples: tuple[tuple[str, str, str], ...] = ()
    quasi_identifiers: Annotated[tuple[str, ...], Field(exclude_if=not_)] = ()
    sensitive: Annotated[tuple[str, ...], Field(exclude_if=not_)] = ()
    references: Annotated[tuple[Reference, ...], Field(exclude_if=not_)] = ()
    sequence: Sequence | None = None
    usage: Usage | None = None
    drift: Annotated[DriftPolicy, Field(exclude_if=lambda given: given == DriftPolicy())] = DriftPolicy()
    monitoring: Annotated[MonitoringPolicy, Field(exclude_if=lambda given: given == MonitoringPolicy())] = (
        MonitoringPolicy()
    )
    generation: Annotated[Generation, Field(exclude_if=lambda given: given == Generation())] = Generation()
    limits: dict[str, float] = Field(default_factory=dict)

    @property
    def loosened(self) -> tuple[str, ...]:
        """The metrics whose limit the contract sets looser than the default, in the order of the limits."""
        return tuple(name for name in self.limits if name in DEFAULT_LIMITS and _looser(name, self.limits[name]))

    @model_validator(mode="after")
    def _renewed_later_than_certified(self) -> Self:
        if self.regeneration.renew_days_ahead >= self.tier.valid_days:
            raise ValueError("renew_days_ahead is no less than valid_days: every release would be renewed at once")
        return self

    @model_validator(mode="after")
    def _late_labels_are_of_something(self) -> Self:
        if not self.drift.late_labels:
            return self
        if self.target is None:
            raise ValueError("drift.late_labels needs a target: without one no label can come late")
        if self.privacy.timing == "private":
            # The rows of its window would be unlabelled, and a label beside its row would be a second say of one unit.
            raise ValueError(
                "drift.late_labels is not offered under timing private: its windows hold rows as they came"
            )
        return self

    @model_validator(mode="after")
    def _high_risk_only_tightens(self) -> Self:
        if self.usage is not None and self.usage.risk == "high" and self.loosened:
            raise ValueError(
                f"a high-risk contract may only tighten limits; looser than default: {', '.join(self.loosened)}"
            )
        return self

    def limit(self, metric: str) -> float:
        """The limit of a metric: the contract's own where it names one, else the default."""
        return self.limits.get(metric, DEFAULT_LIMITS[metric])


class Contract(Model):
    """One dataset's columns and policy, at one version."""

    dataset: Name
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")] = "1.0.0"
    title: str | None = None
    columns: Annotated[tuple[Column, ...], Field(min_length=1)]
    policy: Policy

    def column(self, name: str) -> Column:
        """The column of that name; raises ``KeyError``."""
        return next(column for column in self.columns if column.name == name) if name in self.names else _missing(name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def modelled(self) -> tuple[Column, ...]:
        """The columns that a generator reads and draws, in order."""
        return tuple(column for column in self.columns if column.role == "modelled")

    @property
    def released(self) -> tuple[Column, ...]:
        """The columns of a release, in order: what is modelled, and free text."""
        return tuple(column for column in self.columns if column.role in ("modelled", "text"))

    @property
    def time(self) -> str | None:
        """The column that orders rows, or none."""
        return next((column.name for column in self.columns if column.role == "time"), None)

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """Modelled columns whose domain nobody has stated to be public: a formal claim refuses them."""
        return tuple(column.name for column in self.modelled if column.domain is None or not column.domain.confirmed)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.names)) != len(self.names):
            raise ValueError("a column is named twice")
        if not self.modelled:
            raise ValueError("no column is modelled")
        for place, name in self._named_columns():
            if name not in self.names:
                raise ValueError(f"{place} names a column that the contract does not have: {name}")
        modelled = {column.name for column in self.modelled}
        if absent := [name for name in self.policy.generation.names if name not in self.names]:
            raise ValueError(f"generation names a column that the contract does not have: {_list(absent)}")
        if self.policy.target is not None and self.policy.target not in modelled:
            raise ValueError("the target is not a modelled column")
        for dependency in self.policy.dependencies:
            if any(len(row) != len(dependency.determinants) + 1 for row in dependency.table):
                raise ValueError(f"the table of {dependency.dependent} has a row of the wrong width")
            if dependency.dependent in dependency.determinants:
                raise ValueError(f"{dependency.dependent} depends on itself")
        _check_released(self.policy, {column.name: column for column in self.modelled})
        _check_text(self)
        unknown = sorted(set(self.policy.limits) - set(KNOWN_LIMITS))
        if unknown:
            raise ValueError(f"unknown limits: {', '.join(unknown)}; known are {', '.join(KNOWN_LIMITS)}")
        return self

    def _named_columns(self) -> list[tuple[str, str]]:
        policy = self.policy
        named = [("the privacy unit", policy.privacy.unit.column), ("the target", policy.target)]
        named += [
            ("a dependency", name) for item in policy.dependencies for name in (*item.determinants, item.dependent)
        ]
        named += [("a constraint", name) for item in policy.constraints for name in (item.left, item.right)]
        named += [("a subgroup", name) for name in policy.subgroups]
        named += [("a triple", name) for triple in policy.triples for name in triple]
        return [(place, name) for place, name in named if name is not None]


def _looser(metric: str, limit: float) -> bool:
    default = DEFAULT_LIMITS[metric]
    return limit > default if DIRECTIONS[metric] == "at_most" else limit < default


def _list(names: Iterable[str]) -> str:
    """Each name once, however often the contract names it; five at most."""
    return ", ".join(tuple(dict.fromkeys(names))[:5])


def _check_released(policy: Policy, released: dict[str, Column]) -> None:
    """Quasi-identifiers, sensitive columns, references and sequences speak of columns of the release."""
    for place, named in _released_names(policy):
        if absent := [name for name in named if name not in released]:
            raise ValueError(f"{place} names a column that is not modelled: {_list(absent)}")
        if len(set(named)) != len(named):
            raise ValueError(f"{place} names a column twice")
    if both := sorted(set(policy.quasi_identifiers) & set(policy.sensitive)):
        raise ValueError(f"both a quasi-identifier and sensitive: {_list(both)}")
    if len(set(policy.references)) != len(policy.references):
        raise ValueError("a reference is stated twice")
    if policy.sequence is not None and released[policy.sequence.time].type in ("string", "boolean"):
        raise ValueError("the time of a sequence is a column of dates, timestamps or numbers")


def _check_text(contract: Contract) -> None:
    """Free text has no domain and no generator: what is written there may name modelled columns and nothing else."""
    text = {column.name for column in contract.columns if column.role == "text"}
    modelled = {column.name for column in contract.modelled}
    handled = [item.column for item in contract.policy.generation.free_text]
    if odd := [name for name in handled if name not in text]:
        raise ValueError(f"generation.free_text names a column whose role is not text: {_list(odd)}")
    if len(set(handled)) != len(handled):
        raise ValueError("generation.free_text names a column twice")
    if odd := [name for name in text if contract.column(name).type != "string" or contract.column(name).domain]:
        raise ValueError(f"a column of free text is a string without a domain: {_list(sorted(odd))}")
    for item in contract.policy.generation.free_text:
        if odd := sorted(set(item.placeholders) - modelled):
            raise ValueError(f"the template of {item.column} names a column that is not modelled: {_list(odd)}")
    if odd := [name for name in contract.policy.generation.balanced if name not in modelled]:
        raise ValueError(f"generation.balance names a column that is not modelled: {_list(odd)}")


def _released_names(policy: Policy) -> list[tuple[str, tuple[str, ...]]]:
    named = [("quasi_identifiers", policy.quasi_identifiers), ("sensitive", policy.sensitive)]
    named += [
        ("a reference", (item.column, item.key) if item.table is None else (item.column,)) for item in policy.references
    ]
    sequence = policy.sequence
    return named + ([("a sequence", (sequence.entity, sequence.time))] if sequence is not None else [])


def _missing(name: str) -> Column:
    raise KeyError(name)
