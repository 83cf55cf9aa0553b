"""How a command fails: one line on stderr, an object on stdout where a program reads it, exit code 2, no traceback."""

import json
import sys

import typer

from schemas.errors import PerennialError, TransientError

USAGE = "the command line is not understood: standard error says why, and --help shows what there is"


def carry_out(app: typer.Typer, arguments: list[str]) -> int:
    """Run a command line and return its exit code. What nobody foresaw is not caught: a bug crashes loudly."""
    try:
        app(arguments, prog_name="perennial")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
        if code == 2 and "--json" in arguments:
            _print_json(USAGE)
        return code
    except TransientError as error:
        return _failed(f"{error} (`perennial doctor` looks at everything that must be in place)", arguments)
    except PerennialError as error:
        return _failed(str(error), arguments)
    except OSError as error:
        return _failed(_of_the_system(error), arguments)
    return 0


def _failed(reason: str, arguments: list[str]) -> int:
    print(f"error: {reason}", file=sys.stderr)
    if "--json" in arguments:
        _print_json(reason)
    return 2


def _print_json(reason: str) -> None:
    print(json.dumps({"error": reason}))


def _of_the_system(error: OSError) -> str:
    """``PATH: No such file or directory``; never what a library had read so far."""
    reason = error.strerror or type(error).__name__
    return reason if error.filename is None else f"{error.filename}: {reason}"
