"""A fit under DP-SGD that was killed goes on from its encrypted checkpoint, repeats its noise, spends nothing twice."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.accounting import epsilon_of
from schemas.events.runs import GenerationRequest
from schemas.events.sources import SourceRef
from stream_app.adapters.sources import digest_of
from stream_app.agents.choosing import FamilySelection
from tests.events import request
from tests.unit.generators.sampling.invented import Invented, contract
from tests.workplaces import keep_secret

pytest.importorskip("torch")

RUN = """
import json, os, pathlib, signal, sys
from schemas.events.runs import Dossier, GenerationRequest
from stream_app.adapters.workplace import Workplace
from stream_app.agents.training import train
from generators.dpsgd import training as dpsgd
dpsgd.SAVE_EVERY, dpsgd.TELL_SECONDS = 10, 0.0
home, last = pathlib.Path(sys.argv[1]), int(sys.argv[2])
steps = []
def progress(fraction, phase, /, *, step=0, of=0, epsilon=None):
    if of:
        steps.append(step)
    if last and step >= last:
        os.kill(os.getpid(), signal.SIGKILL)
wanted = GenerationRequest.from_bytes(sys.stdin.buffer.read())
done = train(Workplace(home, str(home / "store")), Dossier(request=wanted), progress)
told = done.training
print(json.dumps({"first": steps[0], "model": told.model.sha256, "data": told.data.sha256,
                  "mechanisms": [mechanism.document() for mechanism in told.mechanisms]}))
"""


def wanted_of(folder: Path) -> GenerationRequest:
    path = folder / "rows.parquet"
    Invented(contract()).sample(2_000, 1).to_parquet(path)
    source = SourceRef(uri=str(path), sha256=digest_of(str(path)), format="parquet", rows=2_000)
    asked = FamilySelection().choose(contract(), 1_000, "dp-vae")
    return request(of=contract(), family="dp-vae", source=source, mechanisms=asked.mechanisms, rows=300)


def run(wanted: GenerationRequest, home: Path, last: int = 0) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-c", RUN, str(home), str(last)]
    return subprocess.run(command, input=wanted.to_bytes(), capture_output=True, timeout=240)


def test_a_killed_fit_goes_on_and_gives_what_it_would_have_given(tmp_path: Path) -> None:
    wanted, home, other = wanted_of(tmp_path), tmp_path / "home", tmp_path / "other"
    keep_secret(home)
    killed = run(wanted, home, last=40)
    assert killed.returncode == -signal.SIGKILL
    (kept,) = (home / "store" / "checkpoints").iterdir()
    assert b"fit:" not in kept.read_bytes()
    shutil.copytree(home, other)
    shutil.rmtree(other / "store")  # the same secrets, and no checkpoint
    resumed, whole = (json.loads(run(wanted, place).stdout) for place in (home, other))
    assert resumed.pop("first") >= 30 > whole.pop("first")
    assert resumed == whole
    assert epsilon_of(wanted.mechanisms, 1e-5) <= 1
    assert not list((home / "store" / "checkpoints").iterdir())
