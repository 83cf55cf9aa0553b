"""The drift station's first look at a snapshot, on a pool process: what live rows are compared with."""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from generators.protocol import Progress
from schemas.contract import Contract, Role
from schemas.errors import ContractError, InsufficientEvidence
from schemas.events.runs import ArtefactRef
from schemas.events.sources import SourceRef
from schemas.table import conform
from stream_app.adapters.workplace import Workplace
from stream_app.agents.inputs import TRAIN, read_source
from stream_app.core.drift.concept.concept import ConceptModel
from stream_app.core.drift.concept.concept_fit import fit_concept_model
from stream_app.core.drift.explained import told_by_columns
from stream_app.core.drift.reference import Reference, build_reference, in_time_order

if TYPE_CHECKING:
    import pandas as pd

WATCHED: tuple[Role, ...] = ("modelled", "entity", "time")


@dataclass(frozen=True, slots=True)
class Profiled:
    """What the first look gave. ``concept`` is the model of the target and ``told`` what each column tells of it, where
    the contract names a target that anything can be learnt of.
    """

    reference: Reference
    rows: int
    train_rows: int
    concept: ConceptModel | None = None
    told: tuple[tuple[str, float], ...] = ()


def profile(workplace: Workplace, contract: Contract, source: SourceRef, progress: Progress) -> Profiled:
    """Read a snapshot and count it, on a pool process; raises what ``read_source`` raises."""
    from generators.entities.units import split, units

    progress(0.1, "reading the snapshot")
    table = conform(read_source(workplace, source), contract, roles=WATCHED).table
    progress(0.5, "counting the reference profile")
    share = split(units(table, contract), workplace.secret("split"), contract.policy.split)
    reference = build_reference(table, contract)
    progress(0.8, "fitting the reference model of the target")
    concept, told = target_model(reference, table, contract)
    return Profiled(reference, len(table), int((share == TRAIN).sum()), concept, told)


def profile_release(workplace: Workplace, contract: Contract, data: ArtefactRef, progress: Progress) -> Reference:
    """The reference that a released table gives, on a pool process, bins and layout being learnt from that table alone.

    Raises ``ArtefactError``, ``ContractError``, ``InsufficientEvidence``, ``TransientError``.
    """
    import pandas as pd

    progress(0.1, "opening the release")
    body = workplace.store.open(data)
    try:
        table = pd.read_parquet(io.BytesIO(body))
    except (ValueError, OSError):
        raise ContractError("the release is no table") from None
    progress(0.5, "counting the release's profile")
    return build_reference(conform(table, contract).table, contract)


def target_model(
    reference: Reference, table: "pd.DataFrame", contract: Contract
) -> tuple[ConceptModel | None, tuple[tuple[str, float], ...]]:
    """The model of the target and what each column tells of it; neither where nothing can be learnt of one."""
    names = [column.name for column in reference.bins]
    if contract.policy.target not in names:
        return None, ()
    target = names.index(contract.policy.target)
    codes = reference.encode(in_time_order(table, contract))
    told = told_by_columns(reference, codes, contract.policy.target)
    try:
        concept = fit_concept_model(codes, target, [column.kind for column in reference.bins])
    except InsufficientEvidence:
        concept = None
    return concept, tuple(told.items())
