"""Metrics of distances between synthetic and real rows."""

from typing import Final

from schemas.metrics.metric import Metric

NEIGHBOURS: Final[tuple[Metric, ...]] = (
    Metric(
        name="neighbour_risk",
        gate="privacy",
        default=0.18,
        direction="at_most",
        means="how much oftener than by chance synthetic rows are nearer to training rows than to an equally large "
        "holdout: 2 (share - 1/2), 0 without a leak, 1 for a copy",
        method="worst of DCR and NNDR under Gower, Euclidean and Mahalanobis distances; exact nearest neighbours, ties "
        "drawn by lot, sides of unequal size corrected by odds; Clopper-Pearson",
        source="DCR and NNDR: Zhao et al. 2021 (CTAB-GAN); held against a holdout: Platzer and Reutterer 2021",
    ),
    Metric(
        name="rare_memorisation",
        gate="privacy",
        default=0.02,
        direction="at_most",
        means="how much oftener synthetic rows come close to isolated training records than to isolated records that "
        "were not fitted",
        method="the most isolated 5 % of all real rows, isolation and hits by exact Gower and Mahalanobis distances, a "
        "hit within a half or a tenth of the isolation, by unit; Newcombe interval, whose lower end decides",
        source="own; interval: Newcombe 1998, method 10",
    ),
)
