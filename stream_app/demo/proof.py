"""Checks a certificate with nothing of ours: a shell script of ``sed``, ``base64``, ``openssl`` and ``sha256sum``."""

import shutil
import subprocess
from pathlib import Path

from stream_app.demo.stage import DemoFailed, Stage

SCRIPT = """\
#!/bin/sh
# Verifies the release in this folder with plain tools. DSSE signs "DSSEv1 LEN(type) type LEN(payload) payload".
set -eu
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
sed -E 's/.*"payload":"([^"]*)".*/\\1/' certificate.intoto.json | base64 -d > "$scratch/payload"
sed -E 's/.*"sig":"([^"]*)".*/\\1/' certificate.intoto.json | base64 -d > "$scratch/signature"
printf 'DSSEv1 28 application/vnd.in-toto+json %d ' "$(wc -c < "$scratch/payload")" > "$scratch/signed"
cat "$scratch/payload" >> "$scratch/signed"
openssl pkeyutl -verify -pubin -inkey service.pub -rawin -in "$scratch/signed" -sigfile "$scratch/signature"
digest=$(sha256sum data.parquet | cut -d' ' -f1)
grep -q "\\"sha256\\":\\"$digest\\"" "$scratch/payload"
echo "sha256sum: $digest is a subject of the statement"
"""
FIRST_CHECK = 6
NEEDED = ("openssl", "sha256sum", "sed", "base64")


def verify_by_hand(folder: Path, stage: Stage) -> dict[str, str]:
    """Write ``verify.sh`` beside the certificate, print it and run it; raises ``DemoFailed`` unless it agrees."""
    script = folder / "verify.sh"
    script.write_text(SCRIPT, encoding="utf-8")
    script.chmod(0o755)
    lacking = [name for name in NEEDED if shutil.which(name) is None]
    if lacking:
        stage.say(f"{', '.join(lacking)} not found: run {script} where they are")
        return {"script": str(script), "lacking": ", ".join(lacking)}
    for line in SCRIPT.splitlines()[FIRST_CHECK:-3]:
        stage.command(line)
    done = subprocess.run([str(script)], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise DemoFailed(f"openssl or sha256sum does not agree: {(done.stderr or done.stdout).strip()[:300]}")
    for line in done.stdout.splitlines():
        stage.say(line)
    return {"script": str(script), "said": " / ".join(done.stdout.split("\n")).strip(" /")}
