"""Compiled code is kept on disk; processes that start together run their own variant of it, now and later."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba")

MODULE = """
from schemas.compiling import compiled

@compiled
def total(values):
    found = values[0]
    for i in range(1, len(values)):
        found += values[i]
    return found
"""
ASK = """
import sys
import numpy as np
import summing
print(summing.total(np.array([1, 2, 250], dtype=sys.argv[1])))
"""
TYPES = {"float64": "253.0", "int64": "253", "uint8": "253", "float32": "253.0"}


def _started(folder: Path, kind: str) -> "subprocess.Popen[str]":
    found = importlib.util.find_spec("schemas")
    assert found is not None
    assert found.origin is not None
    path = os.pathsep.join([str(folder), str(Path(found.origin).parent.parent)])
    environment = {**os.environ, "PYTHONPATH": path, "NUMBA_CACHE_DIR": str(folder / "kept")}
    return subprocess.Popen([sys.executable, "-c", ASK, kind], env=environment, stdout=subprocess.PIPE, text=True)


def test_processes_that_compile_together_never_take_one_another_s_code(tmp_path: Path) -> None:
    (tmp_path / "summing.py").write_text(MODULE, encoding="utf-8")
    for _ in range(2):  # compiled together, then read together
        running = {kind: _started(tmp_path, kind) for kind in TYPES}
        assert {kind: each.communicate()[0].strip() for kind, each in running.items()} == TYPES
    assert len([*tmp_path.glob("kept/*/*.nbc")]) == len(TYPES)
