"""`perennial demo`: prepares the data, starts broker and worker in this process, tells the story, leaves everything in
``out``.
"""

import asyncio
import json
import shutil
import time
from pathlib import Path

from rich.markup import escape

from schemas.errors import InputError, PerennialError
from schemas.topics import TOPICS
from stream_app.adapters import logs
from stream_app.adapters.embedded_broker import EmbeddedBroker
from stream_app.app import worker
from stream_app.demo import flights, own
from stream_app.demo.observer import Observer
from stream_app.demo.stage import Stage
from stream_app.demo.story import Story
from stream_app.demo.tale import Tale
from stream_app.settings import Settings
from stream_app.signing.deployment import new_deployment

MADE = ("home", "input", "releases", "ledger.jsonl", "demo.json", "report.md", "worker.log")


def run_demo(
    *, data: str | None, target: str | None, time: str | None, entity: str | None, out: Path, as_json: bool
) -> int:
    """Exit code 0 told to the end, 1 a step failed and the reason was said."""
    stage = Stage.open(as_json)
    result: dict[str, object] = {"steps": stage.steps}
    code = 0
    try:
        _clear(out)
        with (out / "worker.log").open("w", encoding="utf-8") as log:
            logs.configure("INFO", log)
            stage.console.print(
                "[bold]Perennial[/bold]: synthetic data that stays true to a source that keeps changing"
            )
            tale = (
                flights.prepare(out / "input")
                if data is None
                else own.prepare(data, own.Roles(target, time, entity), out / "input")
            )
            asyncio.run(_tell(tale, out, stage, result))
    except PerennialError as error:
        stage.console.print(f"\n[bold red]The demo ends here:[/bold red] {escape(str(error))}")
        result["failed"] = str(error)
        code = 1
    _write(out, result)
    if as_json:
        print(json.dumps(result))
    return code


async def _tell(tale: Tale, out: Path, stage: Stage, result: dict[str, object]) -> None:
    home = out / "home"
    with EmbeddedBroker({topic.name: topic.partitions for topic in TOPICS}) as broker:
        settings = Settings(
            bootstrap=broker.bootstrap,
            home=home,
            embedded=True,
            processes=2,
            window_rows=tale.window_rows,
            tick_seconds=5.0,
            deployment="demo",
        )
        new_deployment(home, settings.deployment, int(time.time() * 1000))
        async with worker(settings) as running:
            observer = Observer(
                broker.bootstrap, stage, lambda: running.failed.result() if running.failed.done() else None
            )
            try:
                await Story(tale, out, stage, settings, observer, result).tell()
            finally:
                observer.close()


def _clear(out: Path) -> None:
    """Remove what an earlier demo made, and nothing else."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in MADE:
            path = out / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {out}: {error.strerror}") from None


def _write(out: Path, result: dict[str, object]) -> None:
    if out.is_dir():
        (out / "demo.json").write_text(json.dumps(result, indent=1, default=str) + "\n", encoding="utf-8")
