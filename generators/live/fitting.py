"""Releases from counts alone: the first on public bins, or on rows' own paid ones, and every further one from its last.

``fit_counts`` reads no row. ``fit_rows`` counts the rows on the same layout first and then does exactly the same: with
one seed both give one release, byte for byte, because the noise is derived from the counts.

*The privacy unit.* A row is in one window of a stream, and adds one to each table. An entity may be in many windows;
counts that were bounded anew in each of w windows let it add w x ``max_rows``, and the noise covers that. What several
releases cost together is composed by the accountant, since each is charged for the whole entity.
"""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from generators.domains.assembly import Assembly, assembly_of
from generators.live.cells import CellCounts
from generators.live.contracting import contracted
from generators.live.counting import counted
from generators.live.following import Plan, followed
from generators.live.layouts import paid_layout
from generators.live.opening import opened_on
from generators.live.published import Published, published_of
from generators.live.release import Release
from generators.marginals.fitting import conditionals
from generators.marginals.measurement import Measured, measure
from generators.marginals.model import Model
from generators.marginals.triples import Triple
from generators.marginals.variables import variables_of
from generators.preparing import bounded, prepared
from generators.private.granting import granted
from generators.private.meter import Meter, noise_key
from generators.protocol import FitRequest, Progress
from schemas.canonical import canonical
from schemas.contract import Contract
from schemas.counts import CountLayout, TableCounts, public_layout
from schemas.errors import ContractError

if TYPE_CHECKING:
    import pandas as pd


def layout_for(contract: Contract, prior: Release | None = None) -> CountLayout:
    """What is counted for the next release: the prior's cells, or the contract's own bins."""
    if prior is None:
        return public_layout(contract)
    return paid_layout(prior.codings, prior.assembly, contract)


def open_rows(table: "pd.DataFrame", request: FitRequest, progress: Progress) -> Release:
    """A first release with bins and leaves that are learnt from the rows with budget, for others to go on from.

    Its cells are public once it is: further rows are counted on them (``layout_for``), live ones as well.
    """
    grant = granted(request)
    ready = prepared(table, request)
    positions = list(ready.positions.T)
    variables, target = variables_of(ready.assembly, positions, request.contract.policy.target)
    keys = [noise_key(request.seed, _context(request, None, purpose), positions) for purpose in ("noise", "fit")]
    meter = Meter(grant, keys[0], request.contract.policy.privacy.unit.max_rows)
    declared = _declared(request.contract, ready.assembly)
    measured = measure(meter, variables, target, _parameters(request)["coarseness"], progress, declared)
    # Its tables come with their noise taken out as far as may be.
    published = published_of(measured, white=False)
    return _release(request, ready.assembly, target, published, meter, keys[1], progress, measured)


def fit_rows(table: "pd.DataFrame", request: FitRequest, progress: Progress, prior: Release | None = None) -> Release:
    """``fit_counts`` of the table's rows, bounded per entity; raises as it does, and on absent columns."""
    return fit_counts(counted(bounded(table, request), layout_for(request.contract, prior)), request, progress, prior)


def fit_counts(counts: TableCounts, request: FitRequest, progress: Progress, prior: Release | None = None) -> Release:
    """A release from counts of the train share, within ``request.granted``; no row is read.

    ``prior`` is an earlier release of the dataset: its cells are kept, its tables are where this one starts from, and
    only what drifted is measured again. Raises ``ContractError`` where domains are unconfirmed under a formal claim or
    the counts are not of the contract, ``BudgetError`` without a grant.
    """
    contract = request.contract
    grant = granted(request)
    counts = contracted(counts, contract)
    assembly = assembly_of(contract) if prior is None else prior.assembly
    target = assembly.free.index(contract.policy.target) if contract.policy.target in assembly.free else None
    meter = Meter(
        grant,
        _key(request, counts, prior, "noise"),
        contract.policy.privacy.unit.max_rows * counts.windows,
    )
    if prior is None:
        published = opened_on(meter, counts, assembly, target, _parameters(request)["coarseness"], progress)
    else:
        cells = CellCounts(counts, assembly, prior.codings)
        published = followed(meter, cells, prior.published, target, progress, _plan(request))
    return _release(request, assembly, target, published, meter, _key(request, counts, prior, "fit"), progress)


def _release(
    request: FitRequest,
    assembly: Assembly,
    target: int | None,
    published: Published,
    meter: Meter,
    key: bytes,
    progress: Callable[[float, str], None],
    measured: Measured | None = None,
) -> Release:
    """Fitted to ``measured``, or to what is published where the measurements themselves are no longer known."""
    rng = np.random.default_rng(np.frombuffer(key, dtype=np.uint64))
    fitted = conditionals(measured or published.measured(), assembly, target, rng, progress)
    progress(1.0, "fitted")
    recorded = meter.recorded if request.contract.policy.privacy.claim == "formal" else ()
    rows = max(1, round(published.rows))
    model = Model(request.contract, assembly, published.codings, fitted, recorded, rows)
    return Release.of(model, published)


def _declared(contract: Contract, assembly: Assembly) -> tuple[Triple, ...]:
    """The contract's triples of free columns, by their places."""
    free = assembly.free
    found = [tuple(map(free.index, names)) for names in contract.policy.triples if set(names) <= set(free)]
    return tuple((a, b, c) for a, b, c in found)


def _plan(request: FitRequest) -> Plan:
    given = _parameters(request)
    plan = Plan(
        one_ways=given["one_ways"], choice=given["choice"], labels=given["labels"], again=int(given["again"])
    )  # fmt: skip
    if min(plan.one_ways, plan.choice, plan.labels) <= 0 or plan.rest <= 0 or plan.again < 0:
        raise ContractError("one_ways, choice and labels are shares of a release's budget, and must leave some of it")
    return plan


def _parameters(request: FitRequest) -> dict[str, float]:
    """``coarseness`` of a first release, as of dp-marginals; of further ones what ``Plan`` says."""
    usual = Plan()
    known: dict[str, float] = {"coarseness": 1.0, "again": usual.again}
    known |= {"one_ways": usual.one_ways, "choice": usual.choice, "labels": usual.labels}
    if unknown := sorted(set(request.parameters) - set(known)):
        raise ContractError(
            f"a release from counts knows no parameter {', '.join(unknown)}; it knows {', '.join(sorted(known))}"
        )
    found = known | {name: float(value) for name, value in request.parameters.items()}
    if not 0.1 <= found["coarseness"] <= 100:
        raise ContractError("the coarseness must lie between 0.1 and 100")
    return found


def _key(request: FitRequest, counts: TableCounts, prior: Release | None, purpose: str) -> bytes:
    """Depends on the counts and not on the rows behind them."""
    held = [np.frombuffer(counts.digest, dtype="<i8").astype(np.int64)]
    return noise_key(request.seed, _context(request, prior, purpose), held)


def _context(request: FitRequest, prior: Release | None, purpose: str) -> bytes:
    return canonical(
        {
            "purpose": f"live-{purpose}",
            "contract": request.contract.digest(),
            "parameters": dict(request.parameters),
            "granted": [mechanism.document() for mechanism in request.granted],
            "prior": None if prior is None else hashlib.sha256(prior.to_bytes()).hexdigest(),
        }
    )
