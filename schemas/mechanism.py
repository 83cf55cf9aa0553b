"""Privacy mechanisms as frozen data: what was run on the data, never what configuration wished for.

A mechanism says how much noise was added relative to the sensitivity *of the privacy unit*: with an
entity bounded to k rows, a count moves by up to k, and a noise multiplier of 2 means a standard deviation of 2k.
Adding a kind here means teaching the accountant (``schemas/accounting.py``) about it: unknown kinds are refused.
"""

from typing import Annotated, Literal

from pydantic import Field

from schemas.model import Model

Positive = Annotated[float, Field(gt=0)]


class Gaussian(Model):
    """Gaussian noise of standard deviation ``noise_multiplier`` x L2 sensitivity, ``count`` times (Dwork and Roth
    2014, A).
    """

    kind: Literal["gaussian"] = "gaussian"
    noise_multiplier: Positive
    count: Annotated[int, Field(ge=1)] = 1


class SubsampledGaussian(Model):
    """``steps`` Gaussian mechanisms, each on a Poisson sample at ``sample_rate`` (Mironov, Talwar and Zhang 2019)."""

    kind: Literal["subsampled_gaussian"] = "subsampled_gaussian"
    noise_multiplier: Positive
    sample_rate: Annotated[float, Field(gt=0, le=1)]
    steps: Annotated[int, Field(ge=1)]


class ZeroConcentrated(Model):
    """Any mechanism with rho-zCDP (Bun and Steinke 2016, definition 1.1)."""

    kind: Literal["zcdp"] = "zcdp"
    rho: Positive


class Pure(Model):
    """Any mechanism with pure epsilon-differential privacy, such as Laplace or the exponential mechanism."""

    kind: Literal["pure"] = "pure"
    epsilon: Positive


Mechanism = Annotated[Gaussian | SubsampledGaussian | ZeroConcentrated | Pure, Field(discriminator="kind")]
