"""``dp-vae``: a variational autoencoder, conditional on the target, trained by DP-SGD (Abadi et al. 2016).

For data whose relations are too many or too curved for pair tables, at an epsilon of 1 or more; ``dp-marginals`` is
faster and, on tables of a few dozen columns, usually closer. Clipping is by unit and in closed form, sampling Poisson,
noise discrete; nothing is read of the data but what the mechanisms pay for.
"""

from typing import TYPE_CHECKING

import numpy as np

from generators.dpsgd.fitting import PrivateNetwork, Settings
from generators.dpsgd.histograms import Histograms

if TYPE_CHECKING:
    import torch

    from generators.dpsgd.training import Learner

SETTINGS = Settings(steps=300, hidden=64, latent=12, learning_rate=0.03, clip=1.0)


def _learner(histograms: Histograms, settings: Settings, generator: "torch.Generator") -> "Learner":
    import torch

    from generators.dpsgd.autoencoder import Autoencoder, AutoencoderLearner
    from generators.dpsgd.layout import layout

    shares = np.concatenate(histograms.shares, axis=1)
    network = Autoencoder(
        layout([coding.fine_cells for coding in histograms.codings]),
        torch.from_numpy(np.log(shares).astype(np.float32)),
        settings.hidden,
        settings.latent,
    )
    return AutoencoderLearner(network, generator, settings.learning_rate)


FAMILY = PrivateNetwork("dp-vae", SETTINGS, _learner)
