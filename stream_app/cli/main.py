"""The entry point of ``perennial``: verifying starts at once, everything else loads the command line first."""

import gc
import os
import sys

OBJECTS = 20_000
"""How many more objects there must be before somebody looks for garbage."""


def run() -> None:
    """Run the command in ``sys.argv`` and exit with its code."""
    if sys.argv[1:2] == ["verify"]:
        _verify()
    # What is loaded stays: to look through it for garbage every 700 objects takes a tenth of a command's start.
    gc.set_threshold(OBJECTS)
    # Help without boxes, as git and kubectl print it: rich takes a third of a command's start, and half of what it
    # loads for help is a reader of Markdown. Whoever likes the boxes sets it to 1.
    os.environ.setdefault("TYPER_USE_RICH", "0")
    from stream_app.cli.commands import app
    from stream_app.cli.failing import carry_out

    sys.exit(carry_out(app, sys.argv[1:]))


def _verify() -> None:
    """Verify and leave without tearing the interpreter down, which takes as long as hashing 8 MB."""
    import contextlib

    gc.disable()
    from stream_app.verify import main

    code = main(sys.argv[2:])
    # Whoever read the output may have left; the exit code still counts.
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
    os._exit(code)
