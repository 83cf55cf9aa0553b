"""Configuration: one frozen object, read once at the edge from ``PERENNIAL_*`` variables and the command line."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

Station = Literal["drift", "planner", "ledger", "trainer", "privacy", "utility", "registry", "monitor"]
STATIONS: tuple[Station, ...] = ("drift", "planner", "ledger", "trainer", "privacy", "utility", "registry", "monitor")


class Settings(BaseSettings):
    """Where a worker finds its broker, its keys and its store.

    ``home`` holds what is kept on this machine: ``trust.json``, ``keys/``, ``vault/`` and, unless ``store`` says
    otherwise, ``store/``. With ``cpu_hour_price`` (of one processor's hour) the progress of a run tells what it will
    cost.
    """

    model_config = SettingsConfigDict(env_prefix="PERENNIAL_", frozen=True, extra="ignore")

    bootstrap: str = "localhost:9092"
    deployment: str = "perennial"
    home: Path = Path(".perennial")
    store: str | None = None
    stations: tuple[Station, ...] = STATIONS
    embedded: bool = False
    processes: int = Field(default=1, ge=1)
    metrics_port: int | None = None
    metrics_host: str = "127.0.0.1"
    tick_seconds: float = Field(default=60.0, gt=0)
    session_timeout_seconds: float = Field(default=10.0, gt=0)
    cpu_hour_price: float | None = Field(default=None, ge=0)
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    window_rows: int = Field(default=20_000, ge=100)
    log_level: str = "INFO"

    @property
    def store_uri(self) -> str:
        return self.store or str(self.home / "store")

    @property
    def trust_file(self) -> Path:
        return self.home / "trust.json"

    @property
    def service_key(self) -> Path:
        return self.home / "keys" / "service.key"

    @property
    def group(self) -> str:
        """The consumer group: one per set of stations, so that workers of different sets do not take each other's
        partitions.
        """
        whole = set(self.stations) == set(STATIONS)
        return self.deployment if whole else f"{self.deployment}-{'-'.join(sorted(self.stations))}"
