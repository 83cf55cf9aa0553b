"""`perennial up`, `perennial worker` and `perennial doctor`: run it, and find out why it does not."""

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from stream_app.cli.connect import BootstrapOption, HomeOption, require_broker, settings_of
from stream_app.cli.output import JsonFlag, emit, say, table

if TYPE_CHECKING:
    from stream_app.settings import Settings

Processes = Annotated[int | None, typer.Option(min=1, help="Pool processes for training and gates.")]
MetricsPort = Annotated[int | None, typer.Option(help="Answer Prometheus here.")]


def worker(
    stations: Annotated[str | None, typer.Option(help="Comma-separated; default: all.")] = None,
    processes: Processes = None,
    metrics_port: MetricsPort = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
) -> None:
    """Run stations against a Kafka that is there, until stopped."""
    chosen = None if stations is None else tuple(stations.split(","))
    _run(settings_of(bootstrap, home, stations=chosen, processes=processes, metrics_port=metrics_port))


def up(
    embedded: Annotated[
        bool, typer.Option("--embedded", help="The embedded broker: nothing is kept once this ends.")
    ] = False,
    processes: Processes = None,
    metrics_port: MetricsPort = None,
    home: HomeOption = None,
) -> None:
    """Start a local Apache Kafka (Java and Maven needed), make keys and topics where missing, and run all stations."""
    from schemas.topics import TOPICS
    from stream_app.adapters.embedded_broker import EmbeddedBroker
    from stream_app.adapters.local_kafka import LocalKafka
    from stream_app.adapters.topics import apply, plan

    first = settings_of(None, home, embedded=embedded, processes=processes, metrics_port=metrics_port)
    with ExitStack() as stack:
        if embedded:
            say(
                "warning: the embedded broker keeps everything in memory, at most 5 MiB a partition; "
                "use it to try things out only"
            )
            bootstrap = stack.enter_context(
                EmbeddedBroker({topic.name: topic.partitions for topic in TOPICS})
            ).bootstrap
        else:
            bootstrap = stack.enter_context(LocalKafka(data=first.home / "kafka")).bootstrap
            apply(bootstrap, plan(bootstrap, TOPICS))
        _prepare(first, bootstrap)
        say(f"Kafka at {bootstrap}; other commands find it with --home {first.home}")
        try:
            _run(first.model_copy(update={"bootstrap": bootstrap}))
        finally:
            (first.home / "bootstrap").unlink(missing_ok=True)


def _prepare(settings: "Settings", bootstrap: str) -> None:
    import time

    from stream_app.signing.deployment import new_deployment

    settings.home.mkdir(parents=True, exist_ok=True)
    if not settings.trust_file.exists():
        new_deployment(settings.home, settings.deployment, int(time.time() * 1000))
        say(f"made keys of every role in {settings.home / 'keys'}")
    (settings.home / "bootstrap").write_text(bootstrap, encoding="utf-8")


def _run(settings: "Settings") -> None:
    from stream_app.adapters import logs
    from stream_app.app import run

    require_broker(settings.bootstrap)
    logs.configure(settings.log_level)
    raise typer.Exit(asyncio.run(run(settings)))


def doctor(bootstrap: BootstrapOption = None, home: HomeOption = None, as_json: JsonFlag = False) -> None:
    """Look at everything that must be in place. Exit 1 where something needed is not."""
    from stream_app.cli.diagnosis import diagnose

    checks = diagnose(settings_of(bootstrap, home))
    rows = [{"check": check.name, "state": check.state, "detail": check.detail} for check in checks]
    emit(rows, as_json, lambda: table(rows, ("state", "check", "detail"), ""))
    raise typer.Exit(1 if any(check.state == "missing" for check in checks) else 0)
