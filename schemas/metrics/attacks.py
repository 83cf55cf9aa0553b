"""Metrics of attacks on the people behind the rows."""

from typing import Final

from schemas.metrics.metric import Metric

ATTACKS: Final[tuple[Metric, ...]] = (
    Metric(
        name="membership_accuracy",
        gate="privacy",
        default=0.55,
        direction="at_most",
        means="balanced accuracy of the worst membership attack, by its upper bound where the records suffice",
        method="distance, calibrated distance, density ratio, discriminator, local density; thresholds cross-fitted on "
        "halves of the units; Clopper-Pearson bounds, simultaneous over the attacks",
        source="Chen et al. 2020 (GAN-Leaks); van Breugel et al. 2023 (DOMIAS); Hayes et al. 2019 (LOGAN); "
        "Hilprecht et al. 2019",
    ),
    Metric(
        name="membership_low_fpr",
        gate="privacy",
        default=0.005,
        direction="at_most",
        means="share of members that an attack finds at a false-alarm rate of 0.1 %, by its lower bound",
        method="threshold at the non-members' tail; Clopper-Pearson bounds, simultaneous over the attacks; "
        "hypergeometric guard against the threshold's luck",
        source="Carlini et al. 2022",
    ),
    Metric(
        name="audit_epsilon",
        gate="privacy",
        default=1.0,
        direction="at_most",
        means="lower bound at 95 % on epsilon; under a formal claim the limit is the contract's epsilon",
        method="one-run audit whose coin flips are the split itself; members among the top of a ranking of the pool",
        source="Steinke, Nasr and Jagielski 2023, theorem 5.2",
    ),
    Metric(
        name="attribute_disclosure",
        gate="privacy",
        default=0.05,
        direction="at_most",
        means="how much oftener an attacker who knows all but one column guesses it for training than for held-out "
        "records",
        method="votes of the nearest synthetic rows, and a boosted model for the target; difference with bounds "
        "simultaneous over secrets",
        source="own; control by held-out records as in Giomi et al. 2023",
    ),
    Metric(
        name="singling_out",
        gate="privacy",
        default=0.05,
        direction="at_most",
        means="how much oftener what singles out a synthetic row singles out a training than a held-out record",
        method="conjunctions of two to four binned attributes; difference of paired rates on equally large tables",
        source="own; the notion: Cohen and Nissim 2020",
    ),
    Metric(
        name="linkability",
        gate="privacy",
        default=0.05,
        direction="at_most",
        means="how much oftener the synthetic rows link the two halves of a training than of a held-out record",
        method="ten nearest synthetic rows of either half of the columns that intersect; difference with bounds",
        source="own; the notion: Article 29 Working Party, opinion 05/2014",
    ),
)
