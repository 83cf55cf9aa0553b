"""The entry point of ``perennial``: verifying starts at once, everything else loads the command line first."""

import sys


def run() -> None:
    """Run the command in ``sys.argv`` and exit with its code."""
    if sys.argv[1:2] == ["verify"]:
        _verify()
    from stream_app.cli.commands import app

    app()


def _verify() -> None:
    """Verify and leave without collecting garbage or tearing the interpreter down: that takes as long as 8 MB of
    hashing.
    """
    import gc
    import os

    gc.disable()
    from stream_app.verify import main

    code = main(sys.argv[2:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
