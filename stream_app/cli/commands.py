"""The command line, assembled: groups of commands, and single ones. Everything heavy is imported where it is used."""

import typer

from stream_app.cli import (
    backtesting,
    contracts,
    deadletters,
    drifts,
    keys,
    ledgers,
    libraries,
    orders,
    packing,
    releases,
    runs,
    sampling,
    serving,
    sources,
    story,
    tasting,
    topics,
)

app = typer.Typer(
    name="perennial",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    help="Synthetic data that stays true to a source that keeps changing, and proves it. "
    "Exit codes: 0 yes, 1 the verdict is no, 2 an error.",
)
app.command("demo")(story.demo)
app.command("up")(serving.up)
app.command("worker")(serving.worker)
app.command("doctor")(serving.doctor)
app.command("stream")(sources.stream)
app.command("generate")(libraries.generate)
app.command("sample")(sampling.sample)
app.command("evaluate")(libraries.evaluate)
app.command("approve")(orders.approve)
app.command("reject")(orders.reject)
app.command("freeze")(orders.freeze)
app.command("unfreeze")(orders.unfreeze)
app.command("revoke")(orders.revoke)
app.command("rollback")(orders.rollback)
app.command("send")(orders.send_file)


@app.command(
    "verify", context_settings={"ignore_unknown_options": True, "allow_extra_args": True}, add_help_option=False
)
def verify(context: typer.Context) -> None:
    """Verify a certificate and its data, offline: `perennial verify CERT DATA` (see `perennial verify --help`)."""
    from stream_app.verify import main

    # Where `verify` is the first word, ``cli.main`` has run it already, before this command line was loaded.
    raise typer.Exit(main(context.args))


review = typer.Typer(help="Reviews of incidents.", no_args_is_help=True)
review.command("close")(orders.close_review)
contracts.app.command("backtest")(backtesting.backtest)
contracts.app.command("bakeoff")(tasting.bakeoff)
access = typer.Typer(help="Access of runs to a dataset's source.", no_args_is_help=True)
access.command("grant")(orders.grant)
access.command("withdraw")(orders.withdraw)

for name, group in (
    ("keys", keys.app),
    ("contract", contracts.app),
    ("snapshot", sources.snapshots),
    ("source", packing.sources),
    ("drift", drifts.app),
    ("run", runs.app),
    ("release", releases.app),
    ("incident", releases.incidents),
    ("review", review),
    ("access", access),
    ("ledger", ledgers.app),
    ("dlq", deadletters.app),
    ("topics", topics.app),
    ("schemas", topics.schemas),
):
    app.add_typer(group, name=name)
