"""How long ``perennial verify`` takes beside a Python process that only hashes the same file.

Run:  python tests/benchmarks/bench_verify.py [--megabytes 300] [--rounds 9]
Both are whole processes, taken in turn; the file is read once before, so both find it in the page cache. Exit 1 where
the median of the pairwise ratios is above 1.2, or the median time above a second.
"""

import argparse
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from schemas.certificate import Digests
from stream_app.signing.deployment import new_deployment
from stream_app.signing.keys import load_secret
from stream_app.signing.statement import sign_statement
from tests.unit.stream_app.signing.deployments import statement

LIMIT, LONGEST_S = 1.2, 1.0
HASHING = """\
import hashlib, sys
with open(sys.argv[1], "rb") as file:
    print(hashlib.file_digest(file, "sha256").hexdigest())
"""
VERIFYING = "from stream_app.cli.main import run\nrun()"


def prepare(folder: Path, megabytes: int) -> tuple[Path, Path, Path]:
    """Data, certificate and trust root."""
    data, certificate = folder / "data.bin", folder / "data.intoto.json"
    block = os.urandom(1_000_000)
    with data.open("wb") as file:
        for _ in range(megabytes):
            file.write(block)
    with data.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    now = int(time.time() * 1000)
    new_deployment(folder, "bench", now)
    draft = statement(certified_at=now, expires_at=now + 3_600_000)
    signed = draft.model_copy(
        update={"subject": (draft.subject[0].model_copy(update={"digests": Digests(sha256=sha256)}),)}
    )
    certificate.write_bytes(sign_statement(signed, load_secret(folder / "keys" / "service.key")).to_bytes())
    return data, certificate, folder / "trust.json"


def seconds(*command: str) -> float:
    """The wall time of one process, which must succeed."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--megabytes", type=int, default=300)
    options.add_argument("--rounds", type=int, default=9)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        data, certificate, trust = prepare(Path(name), given.megabytes)
        hashed, verified = [], []
        for _ in range(given.rounds):
            hashed.append(seconds(sys.executable, "-c", HASHING, str(data)))
            verified.append(
                seconds(sys.executable, "-c", VERIFYING, "verify", str(certificate), str(data), "--trust", str(trust))
            )
    ratio = statistics.median(one / other for one, other in zip(verified, hashed, strict=True))
    for label, times in (("hashlib", hashed), ("verify", verified)):
        print(f"{label:8} median {statistics.median(times):.3f} s, fastest {min(times):.3f} s")
    fastest = min(verified) / min(hashed)
    print(f"ratio    median {ratio:.3f}, of the fastest {fastest:.3f} ({given.megabytes} MB, {given.rounds} rounds)")
    return 0 if ratio <= LIMIT and statistics.median(verified) <= LONGEST_S else 1


if __name__ == "__main__":
    sys.exit(main())
