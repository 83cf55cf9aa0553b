"""All validators, in the order in which their gates run them; a new one is one file and one line here."""

from schemas.finding import Gate
from validators.privacy.leak import Leak
from validators.privacy.membership import MembershipInference
from validators.privacy.neighbours import NearestNeighbourShare
from validators.protocol import Validator
from validators.schema_checks import SchemaViolations
from validators.utility.coverage import Coverage
from validators.utility.detection import DetectionAuc
from validators.utility.marginals import MarginalFidelity
from validators.utility.pairs import PairFidelity
from validators.utility.tstr import TstrRatio

VALIDATORS: tuple[Validator, ...] = (
    SchemaViolations(),
    Leak(),
    NearestNeighbourShare(),
    MembershipInference(),
    MarginalFidelity(),
    PairFidelity(),
    Coverage(),
    TstrRatio(),
    DetectionAuc(),
)


def validators_of(gate: Gate) -> tuple[Validator, ...]:
    """The validators of one gate; the privacy gate checks the schema first."""
    gates: tuple[Gate, ...] = ("schema", "privacy") if gate == "privacy" else (gate,)
    return tuple(validator for validator in VALIDATORS if validator.gate in gates)
