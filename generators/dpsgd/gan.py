"""``dp-gan``: a CTGAN-style pair whose critic alone sees rows, under DP-SGD (Xie et al. 2018; Xu et al. 2019).

Offered beside ``dp-vae`` for those who must have a GAN; at the same epsilon it is the weaker of the two, because a
critic's noise reaches the generator twice over.
"""

from typing import TYPE_CHECKING

import numpy as np

from generators.dpsgd.fitting import PrivateNetwork, Settings
from generators.dpsgd.histograms import Histograms

if TYPE_CHECKING:
    import torch

    from generators.dpsgd.training import Learner

SETTINGS = Settings(steps=600, hidden=64, latent=16, learning_rate=0.015, clip=1.0)


def _learner(histograms: Histograms, settings: Settings, generator: "torch.Generator") -> "Learner":
    import torch

    from generators.dpsgd.adversary import Adversaries, AdversariesLearner
    from generators.dpsgd.layout import layout

    shares = np.concatenate(histograms.shares, axis=1)
    networks = Adversaries(
        layout([coding.fine_cells for coding in histograms.codings]),
        torch.from_numpy(np.log(shares).astype(np.float32)),
        torch.from_numpy(histograms.classes.astype(np.float32)),
        settings.hidden,
        settings.latent,
    )
    return AdversariesLearner(networks, generator, settings.learning_rate)


FAMILY = PrivateNetwork("dp-gan", SETTINGS, _learner)
