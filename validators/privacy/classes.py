"""k-anonymity and l-diversity of the synthetic rows, counted on integer keys."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from schemas.bins import Reals, bin_edges
from schemas.contract import Column
from schemas.finding import Finding, Gate
from validators.encoding import Bins, Codebook, Codes, identities, is_category, numbers
from validators.keys import Codes as Coded
from validators.keys import Keys, row_keys
from validators.protocol import Evidence
from validators.verdicts import hold, require
from validators.views import names

if TYPE_CHECKING:
    import pandas as pd

BINS = 5
DENSE = 2**20
"""Keys below this are counted in an array of as many places."""
SIZES = (("of_1", 1, 2), ("of_2_to_4", 2, 5), ("of_5_to_9", 5, 10), ("of_10_or_more", 10, 2**62))
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Classes:
    """Rows with equal quasi-identifiers: (n_classes,) ``sizes``, and of one sensitive column how many ``distinct``
    values each class has and their ``entropy`` in nats.
    """

    sizes: Ints
    distinct: Ints
    entropy: Reals


def classes(keys: Keys, sensitive: Coded) -> Classes:
    """Of rows with these keys and these codes from 0 of a sensitive column, missing a value like any other; by key.

    Sweeney 2002 for sizes; Machanavajjhala et al. 2007 for distinct and entropy l-diversity, whose l is exp(entropy).
    """
    owner, width = numbered(keys), int(sensitive.max(initial=0)) + 1
    counts = counted(owner * width + sensitive)
    starts = np.searchsorted(counts[0], np.arange(int(owner.max(initial=-1)) + 1) * width)
    rows = counts[1].astype(np.float64)
    sizes = np.add.reduceat(rows, starts)
    weighed = np.add.reduceat(rows * np.log(rows), starts)
    distinct = np.diff(np.append(starts, len(rows)))
    return Classes(sizes.astype(np.int64), distinct, np.maximum(0.0, np.log(sizes) - weighed / sizes))


def class_sizes(keys: Keys) -> Ints:
    """(n_classes,) rows of each class, by key."""
    return counted(keys)[1]


def counted(keys: Keys) -> tuple[Ints, Ints]:
    """The different keys in order, and how often each occurs; by counting where keys are small, else by sorting."""
    if len(keys) and int(keys.max()) < DENSE:
        counts = np.bincount(keys)
        found = np.flatnonzero(counts)
        return found, counts[found]
    return np.unique(keys, return_counts=True)


def numbered(keys: Keys) -> Ints:
    """The place of each row's key among the different keys in order, from 0."""
    if len(keys) and int(keys.max()) < DENSE:
        present = np.bincount(keys) > 0
        return np.asarray((np.cumsum(present) - 1)[keys], dtype=np.int64)
    return np.asarray(np.unique(keys, return_inverse=True)[1], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class QuasiIdentifiers:
    """What an attacker knows and what must not be learnt; ``stated`` by the contract, or taken by default."""

    known: tuple[Column, ...]
    sensitive: tuple[Column, ...]
    stated: bool

    @property
    def rule(self) -> str:
        """How cells are compared."""
        return "exact cells" if self.stated else f"numbers in {BINS} quantile bins, other cells exact"


def quasi_identifiers(evidence: Evidence) -> QuasiIdentifiers:
    """The contract's; without them all modelled columns but the sensitive ones, and the target as sensitive."""
    policy, modelled = evidence.contract.policy, evidence.contract.modelled
    target = () if policy.target is None or policy.target in policy.quasi_identifiers else (policy.target,)
    hidden = policy.sensitive or target
    known = policy.quasi_identifiers or tuple(name for name in names(modelled) if name not in hidden)
    return QuasiIdentifiers(
        known=tuple(column for column in modelled if column.name in known),
        sensitive=tuple(column for column in modelled if column.name in hidden),
        stated=bool(policy.quasi_identifiers),
    )


def class_codes(evidence: Evidence, table: "pd.DataFrame") -> tuple[Codes, Codes]:
    """(n_rows, n_known) and (n_rows, n_sensitive) codes of ``table``, equal for cells that count as equal."""
    real = (evidence.train, evidence.holdout)
    known, hidden = evidence.memo.of("class coders", real, lambda: _codebooks(evidence))

    def compute() -> tuple[Codes, Codes]:
        return tuple(
            book.codes(table) if book.coders else np.zeros((len(table), 0), dtype=np.int32) for book in (known, hidden)
        )  # type: ignore[return-value]

    return evidence.memo.of("class codes", (*real, table), compute)


def _codebooks(evidence: Evidence) -> tuple[Codebook, Codebook]:
    real, chosen = (evidence.train, evidence.holdout), quasi_identifiers(evidence)
    known = identities(real, chosen.known)
    if not chosen.stated:
        coders = (
            coder
            if is_category(column)
            else Bins(column, bin_edges(np.concatenate([numbers(table, column) for table in real]), BINS))
            for coder, column in zip(known.coders, chosen.known, strict=True)
        )
        known = Codebook(tuple(coders))
    return known, identities(real, chosen.sensitive)


@dataclass(frozen=True, slots=True)
class Anonymity:
    """k-anonymity of the synthetic rows, and l-diversity where a column is sensitive.

    Rows with equal quasi-identifiers are a class; k is the smallest class, l the fewest different sensitive values in
    one (the worst sensitive column). Cells are compared exactly where the contract names quasi-identifiers; by default
    these are all modelled columns but the sensitive ones, numbers in 5 quantile bins of the real rows. Detail: the
    smallest exp(entropy) of a class's sensitive values (entropy l-diversity), and how many rows stand in small classes.
    A low k of synthetic rows is no breach by itself: the defaults only state it, contracts raise it.
    """

    metric: str = "k_anonymity"
    gate: Gate = "privacy"
    looks_at: Literal["synthetic", "members"] = "synthetic"

    def measure(self, evidence: Evidence) -> tuple[Finding, ...]:
        """One finding or two; raises ``InsufficientEvidence`` without synthetic rows."""
        require(len(evidence.synthetic), 1, "synthetic rows")
        chosen = quasi_identifiers(evidence)
        codes, hidden = class_codes(evidence, evidence.synthetic)
        (keys,) = row_keys([codes])
        found = [self._k(evidence, keys, chosen)]
        if chosen.sensitive:
            found.append(self._l(evidence, keys, hidden, chosen))
        return tuple(found)

    def _k(self, evidence: Evidence, keys: Keys, chosen: QuasiIdentifiers) -> Finding:
        sizes = class_sizes(keys)
        shares = {
            name: float(sizes[(sizes >= low) & (sizes < low_of_next)].sum() / len(keys))
            for name, low, low_of_next in SIZES
        }
        (held,) = row_keys([class_codes(evidence, evidence.holdout)[0]])
        return hold(
            evidence.contract,
            self.metric,
            self.gate,
            float(sizes.min()),
            baseline=float(class_sizes(held).min()) if len(held) else None,
            support=len(keys),
            samples={"synthetic": len(keys)},
            detail=_stated(chosen) | {"classes": len(sizes), "share_of_rows_in_classes": shares},
        )

    def _l(self, evidence: Evidence, keys: Keys, hidden: Codes, chosen: QuasiIdentifiers) -> Finding:
        each = [classes(keys, hidden[:, j]) for j in range(hidden.shape[1])]
        named = {
            column.name: {"distinct": int(found.distinct.min()), "entropy": float(np.exp(found.entropy.min()))}
            for column, found in zip(chosen.sensitive, each, strict=True)
        }
        return hold(
            evidence.contract,
            "l_diversity",
            self.gate,
            float(min(found.distinct.min() for found in each)),
            support=len(keys),
            samples={"synthetic": len(keys)},
            detail=_stated(chosen) | {"entropy_l": min(item["entropy"] for item in named.values()), "columns": named},
        )


def _stated(chosen: QuasiIdentifiers) -> dict[str, object]:
    return {
        "quasi_identifiers": [column.name for column in chosen.known],
        "sensitive": [column.name for column in chosen.sensitive],
        "compared": chosen.rule,
        "stated_by_contract": chosen.stated,
    }
