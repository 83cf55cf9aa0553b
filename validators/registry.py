"""All validators, in the order in which their gates run them; a new one is one file and one line here."""

from schemas.finding import Gate
from validators.controls import Controls
from validators.fairness.demographic_shift import DemographicShift
from validators.fairness.parity_gap import ParityGap
from validators.fairness.subgroup_gap import SubgroupGap
from validators.poison.poisoning import Poisoning
from validators.privacy.attribute import AttributeDisclosure
from validators.privacy.audit_epsilon import AuditEpsilon
from validators.privacy.class_hits import SmallClassHits
from validators.privacy.classes import Anonymity
from validators.privacy.leak import Leak
from validators.privacy.linkability import Linkability
from validators.privacy.membership import MembershipInference
from validators.privacy.neighbours import NeighbourRisk
from validators.privacy.rare import RareMemorisation
from validators.privacy.singling_out import SinglingOut
from validators.protocol import Validator
from validators.structure.future_dates import FutureDates
from validators.structure.personal_data import PersonalData
from validators.structure.policy_checks import PolicyBreaches
from validators.structure.references import ReferenceViolations
from validators.structure.schema_checks import SchemaViolations
from validators.structure.split_checks import SplitContamination
from validators.utility.boundaries import BoundaryAdherence
from validators.utility.class_balance import ClassBalance
from validators.utility.coverage import Coverage
from validators.utility.detection import DetectionAuc
from validators.utility.diversity import Diversity
from validators.utility.integrity import IntegrityScore
from validators.utility.leakage import LabelLeakage
from validators.utility.marginals import MarginalFidelity
from validators.utility.minority import MinorityRecall
from validators.utility.missingness import Missingness
from validators.utility.outliers import OutlierShare
from validators.utility.pairs import PairFidelity
from validators.utility.sequences import SequenceFidelity
from validators.utility.tails import TailCoverage
from validators.utility.triples import TripleFidelity
from validators.utility.trts import TrtsRatio
from validators.utility.tstr import TstrRatio
from validators.utility.tstr_auc import TstrAuc

VALIDATORS: tuple[Validator, ...] = (
    SchemaViolations(),
    SplitContamination(),
    ReferenceViolations(),
    FutureDates(),
    PersonalData(),
    PolicyBreaches(),
    Leak(),
    Controls(),
    NeighbourRisk(),
    RareMemorisation(),
    MembershipInference(),
    AuditEpsilon(),
    AttributeDisclosure(),
    SinglingOut(),
    Linkability(),
    Anonymity(),
    SmallClassHits(),
    MarginalFidelity(),
    PairFidelity(),
    TripleFidelity(),
    Coverage(),
    TailCoverage(),
    BoundaryAdherence(),
    Missingness(),
    ClassBalance(),
    OutlierShare(),
    Diversity(),
    TstrRatio(),
    TstrAuc(),
    TrtsRatio(),
    MinorityRecall(),
    LabelLeakage(),
    DetectionAuc(),
    Poisoning(),
    IntegrityScore(),
    SubgroupGap(),
    DemographicShift(),
    ParityGap(),
    SequenceFidelity(),
)


def validators_of(gate: Gate) -> tuple[Validator, ...]:
    """The validators of one gate, in order."""
    return tuple(validator for validator in VALIDATORS if validator.gate == gate)
