"""How much of an innovation a table follows, when its noise is known."""

MEMORY = 0.95
"""What a release leaves of what was learnt before about how fast tables move."""
TRUST = 100.0
"""How many cells' worth of evidence the expected size of an innovation is."""


def gain_of(square: float, variance: float, spread: float, freedom: int) -> float:
    """Kalman's gain, with the innovation's variance drawn from what was expected to what this table shows (as James and
    Stein 1961 do): a table that moved more than others follows more of what it is measured at.

    ``square``: the mean squared innovation over ``freedom`` free cells; ``variance`` is the prediction's, ``spread``
    the measurement's.
    """
    total = (TRUST * (variance + spread) + freedom * square) / (TRUST + freedom)
    return min(max(1 - spread / total, 0.0), 1.0)


def variance_after(gain: float, variance: float, spread: float) -> float:
    """Of a table that followed ``gain`` of its innovation; no less than the noise that it took over."""
    return max((1 - gain) * variance, gain * spread)
