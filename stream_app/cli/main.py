"""The entry point of ``perennial``: verifying starts at once, everything else loads the command line first."""

import sys


def run() -> None:
    """Run the command in ``sys.argv`` and exit with its code."""
    if sys.argv[1:2] == ["verify"]:
        from stream_app.verify import main

        raise SystemExit(main(sys.argv[2:]))
    from stream_app.cli.commands import app

    app()
