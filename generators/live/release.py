"""A release that the next one can start from: the fitted model with everything that was published to make it."""

from dataclasses import dataclass, fields
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from generators.artefact import pack, unpack
from generators.live.published import Interaction, Joint, OneWay, Published, Wander
from generators.marginals.model import Model
from generators.marginals.storage import from_bytes, to_bytes
from generators.protocol import FitRequest
from schemas.contract import Contract
from schemas.errors import ArtefactError

_PREFIX = "published"


@dataclass(frozen=True)
class Release(Model):
    """A ``FittedModel`` of ``dp-marginals`` and what it was made of, which is as public as the model itself."""

    published: Published

    @classmethod
    def of(cls, model: Model, published: Published) -> "Release":
        return cls(**{field.name: getattr(model, field.name) for field in fields(Model)}, published=published)

    def to_bytes(self) -> bytes:
        """The model's container with the published tables in it."""
        plain = unpack(to_bytes(self))
        return pack({**plain.header, _PREFIX: _facts(self.published)}, {**plain.arrays, **_arrays(self.published)})


def release_of(body: bytes, contract: Contract) -> Release:
    """The release that ``Release.to_bytes`` wrote; raises ``ArtefactError`` on damage, or where nothing is published
    with the model, as in one that was fitted with bins of its own.
    """
    model = from_bytes(body, contract)
    artefact = unpack(body)
    if _PREFIX not in artefact.header:
        raise ArtefactError("the model holds no published tables that a next release could start from")
    try:
        published = _published(artefact.header[_PREFIX], artefact.arrays, model)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise ArtefactError("the published tables do not fit together") from None
    return Release.of(model, published)


def prior_of(request: FitRequest) -> Release | None:
    """The release that the request goes on from, or none; raises ``ArtefactError``."""
    return None if request.prior is None else release_of(request.prior, request.contract)


def _facts(published: Published) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "rows": published.rows,
        "releases": published.releases,
        "margins": [published.margins.moved, published.margins.scale],
        "pairs": [published.pairs.moved, published.pairs.scale],
        "joints": [
            [joint.left, joint.right, int(joint.left_fine), int(joint.right_fine), joint.variance, int(joint.white)]
            for joint in published.joints
        ],
    }
    if published.interactions:
        facts["interactions"] = [[*each.columns, each.variance] for each in published.interactions]
        facts["triples"] = [published.triples.moved, published.triples.scale]
    return facts


def _arrays(published: Published) -> dict[str, npt.NDArray[Any]]:
    found: dict[str, npt.NDArray[Any]] = {}
    for column, one in enumerate(published.one_ways):
        found[f"{_PREFIX}/one/{column}"] = np.stack([one.shares, one.variance])
    for place, joint in enumerate(published.joints):
        found[f"{_PREFIX}/joint/{place}"] = joint.shares
    for place, each in enumerate(published.interactions):
        found[f"{_PREFIX}/interaction/{place}"] = each.part
    return found


def _published(facts: dict[str, Any], arrays: dict[str, npt.NDArray[Any]], model: Model) -> Published:
    sizes = [(coding.fine_cells, coding.coarse_cells) for coding in model.codings]
    one_ways = []
    for column, (fine, _) in enumerate(sizes):
        both = arrays[f"{_PREFIX}/one/{column}"]
        if both.shape != (2, fine) or not np.isfinite(both).all():
            raise ValueError
        one_ways.append(OneWay(both[0], both[1]))
    joints = []
    for place, (left, right, left_fine, right_fine, variance, white) in enumerate(facts["joints"]):
        shares = arrays[f"{_PREFIX}/joint/{place}"]
        wanted = tuple(
            sizes[int(column)][0 if fine else 1] for column, fine in ((left, left_fine), (right, right_fine))
        )
        if shares.shape != wanted or not np.isfinite(shares).all():
            raise ValueError
        joints.append(
            Joint(int(left), int(right), bool(left_fine), bool(right_fine), shares, float(variance), bool(white))
        )
    return Published(
        model.codings,
        tuple(one_ways),
        tuple(joints),
        float(facts["rows"]),
        int(facts["releases"]),
        Wander(*map(float, facts["margins"])),
        Wander(*map(float, facts["pairs"])),
        _interactions(facts, arrays, model, joints),
        Wander(*map(float, facts.get("triples", (0.0, 0.0)))),
    )


def _interactions(
    facts: dict[str, Any], arrays: dict[str, npt.NDArray[Any]], model: Model, joints: list[Joint]
) -> tuple[Interaction, ...]:
    """None in a release that was written before there were any; raises ``ValueError`` where one lacks a pair."""
    pairs = {frozenset((joint.left, joint.right)) for joint in joints}
    found = []
    for place, (a, b, c, variance) in enumerate(facts.get("interactions", ())):
        columns, part = (int(a), int(b), int(c)), arrays[f"{_PREFIX}/interaction/{place}"]
        wanted = tuple(model.codings[column].coarse_cells for column in columns)
        if part.shape != wanted or min(wanted) < 2 or not np.isfinite(part).all() or not 0 < float(variance) < np.inf:
            raise ValueError
        if not {frozenset(pair) for pair in combinations(columns, 2)} <= pairs:
            raise ValueError
        found.append(Interaction(columns, part, float(variance)))
    return tuple(found)
