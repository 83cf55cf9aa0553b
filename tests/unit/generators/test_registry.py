"""What is known of a family without what it needs installed: the planner's worker need not be the trainer's."""

import json
import subprocess
import sys

from generators.registry import FAMILIES, mechanisms_of
from tests.contract.test_table_kinds import made_of

PRICED = """
import json, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "opacus", "safetensors"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
from generators.registry import FAMILIES, mechanisms_of
from schemas.accounting import epsilon_of
from schemas.contract import Contract
pinned = Contract.from_bytes(sys.stdin.buffer.read())
formal = [name for name, entry in FAMILIES.items() if entry.formal]
print(json.dumps({name: epsilon_of(mechanisms_of(name, pinned, 5_000), 1e-5) for name in formal}))
"""


def test_formal_families_are_priced_without_their_libraries() -> None:
    pinned, _ = made_of("numeric", True)
    done = subprocess.run([sys.executable, "-c", PRICED], input=pinned.to_bytes(), capture_output=True, check=True)
    priced = json.loads(done.stdout)
    assert set(priced) == {name for name, entry in FAMILIES.items() if entry.formal}
    assert all(0.97 * 3 < epsilon <= 3 for epsilon in priced.values())


def test_an_empirical_family_asks_for_nothing() -> None:
    pinned, _ = made_of("numeric", False)
    assert all(mechanisms_of(name, pinned, 5_000) == () for name, entry in FAMILIES.items() if not entry.formal)
