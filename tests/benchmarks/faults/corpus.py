"""All planted faults, in the order of the page; and one of them applied."""

from zlib import crc32

import numpy as np

from tests.benchmarks.faults import columns, dependence, leaks, rules
from tests.benchmarks.faults.bases import base
from tests.benchmarks.faults.scene import Fault, Scene

CORPUS: tuple[Fault, ...] = (*columns.FAULTS, *dependence.FAULTS, *leaks.FAULTS, *rules.FAULTS)


def planted(fault: Fault) -> Scene:
    """The faulted scene; its draws depend on the fault's name alone. Raises what reading a broken contract raises."""
    return fault.plant(base(fault.base), np.random.default_rng(crc32(fault.name.encode())))
