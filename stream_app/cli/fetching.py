"""Opens releases for the command line through the consumers' own client, on a machine that holds the vault."""

from pathlib import Path
from typing import TYPE_CHECKING

from stream_app.cli.connect import catalogue

if TYPE_CHECKING:
    from stream_app.client import Client
    from stream_app.settings import Settings


def client_of(settings: "Settings", dataset: str) -> "Client":
    """A consumer of the dataset, its trust state under ``home/client``."""
    from stream_app.adapters.workplace import Workplace
    from stream_app.client import Client, LocalLeases
    from stream_app.signing.deployment import load_trust

    workplace = Workplace(settings.home, settings.store_uri)
    return Client(
        settings.bootstrap,
        dataset,
        trust=load_trust(settings.trust_file),
        state_dir=settings.home / "client",
        leases=LocalLeases(workplace.vault),
        store=settings.store_uri,
    )


def fetch(release: str, out: Path, settings: "Settings") -> dict[str, Path]:
    """Verify and save a release's data and certificate into ``out``; raises what the client raises."""
    status, _ = catalogue(settings.bootstrap, settings.home).release(release)
    opened = client_of(settings, status.dataset).release(release)
    out.mkdir(parents=True, exist_ok=True)
    certificate, data = out / f"{release}.intoto.json", out / f"{release}.parquet"
    opened.save(data)
    certificate.write_bytes(opened.certificate_bytes)
    return {"data": data, "certificate": certificate}
