"""Tells the story: numbered steps with their seconds on a terminal, the same as data for ``demo.json``."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table

from schemas.errors import PerennialError
from schemas.finding import Finding

WIDTH = 120


class DemoFailed(PerennialError):
    """A step of the demo did not come to its end; the message is the reason."""


@dataclass(slots=True)
class Stage:
    """Where the demo speaks: text for a person on stdout (or stderr under ``--json``), and every step with its
    seconds.
    """

    console: Console
    steps: list[dict[str, Any]] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)
    live: Live | None = None
    doing: str = ""

    @classmethod
    def open(cls, as_json: bool) -> "Stage":
        console = Console(file=sys.stderr if as_json else sys.stdout, highlight=False, soft_wrap=True)
        if not console.is_terminal:
            console.width = WIDTH
        return cls(console)

    @contextmanager
    def step(self, name: str, title: str) -> Iterator[dict[str, Any]]:
        """One step; what the caller puts into the yielded dict stands beside its name and seconds."""
        begun = time.perf_counter()
        found: dict[str, Any] = {"name": name}
        self.steps.append(found)
        self.console.print(f"\n[bold]{len(self.steps)}. {title}[/bold]")
        try:
            yield found
        finally:
            found["seconds"] = round(time.perf_counter() - begun, 3)
            self.console.print(f"   [dim]{found['seconds']:.1f} s[/dim]")

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """A live line while something goes on; on no terminal, a plain line when it changes."""
        if not self.console.is_terminal:
            self.doing = ""
            self.progress(text)
            yield
            return
        with Live(
            Spinner("dots", text=f" {escape(text)}"), console=self.console, transient=True, refresh_per_second=8
        ) as self.live:
            yield
        self.live = None

    def progress(self, text: str) -> None:
        """Change the live line."""
        if self.live is not None:
            self.live.update(
                Spinner("dots", text=f" {escape(text)} [dim]{time.perf_counter() - self.started:.0f} s[/dim]")
            )
        elif text != self.doing:
            self.doing = text
            self.console.print(f"   ... {escape(text)}")

    def say(self, text: str) -> None:
        self.console.print(f"   {escape(text)}")

    def command(self, text: str) -> None:
        """A command that the reader can repeat."""
        self.console.print(f"   [cyan]$ {escape(text)}[/cyan]")

    def findings(self, findings: tuple[Finding, ...]) -> None:
        """Every finding against its limit."""
        table = Table(box=None, pad_edge=False, show_header=True, header_style="dim")
        for name in ("   gate", "metric", "value", "interval", "limit", "verdict"):
            table.add_column(name, no_wrap=True)
        for finding in findings:
            table.add_row(*_cells(finding))
        self.console.print(table)

    def verdicts(self, findings: tuple[Finding, ...]) -> None:
        """How many findings of each gate passed, where the whole table has been shown before."""
        counted = Counter((finding.gate, finding.verdict) for finding in findings)
        self.say("findings: " + ", ".join(f"{gate} {count} {verdict}" for (gate, verdict), count in counted.items()))


def _cells(finding: Finding) -> tuple[str, ...]:
    sign = "≤" if finding.direction == "at_most" else "≥"
    colour = "green" if finding.verdict == "PASS" else "red"
    interval = "" if finding.interval is None else f"{finding.interval[0]:.3f} .. {finding.interval[1]:.3f}"
    value = "" if finding.value is None else f"{finding.value:.4g}"
    limit = "" if finding.limit is None else f"{sign} {finding.limit:.4g}"
    return f"   {finding.gate}", finding.metric, value, interval, limit, f"[{colour}]{finding.verdict}[/{colour}]"
