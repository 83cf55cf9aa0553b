"""Structured logs: one JSON object a line, with secrets redacted whatever the caller passes."""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

_SECRET_NAME = re.compile(
    r"(secret|password|passwd|token|private|credential|kek|data_key|seed|nonce|authorization)", re.IGNORECASE
)
_SECRET_TEXT = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----|(?<=://)[^/@\s:]+:[^/@\s]+(?=@)|AKIA[0-9A-Z]{16}",
    re.DOTALL,
)
REDACTED = "[redacted]"
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """``{"at", "level", "logger", "message", ...extra}``; fields whose name suggests a secret lose their value."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact_text(record.getMessage()),
        }
        line |= {name: redact(name, value) for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["error"] = redact_text(self.formatException(record.exc_info))
        return json.dumps(line, default=str)


def redact(name: str, value: Any) -> Any:
    """The value, or ``[redacted]`` where its name suggests a secret; looks inside lists and dicts."""
    if _SECRET_NAME.search(name):
        return REDACTED
    if isinstance(value, dict):
        return {str(key): redact(str(key), inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact(name, inner) for inner in value]
    return redact_text(value) if isinstance(value, str) else value


def redact_text(text: str) -> str:
    """The text without private keys, passwords in URLs and cloud access keys."""
    return _SECRET_TEXT.sub(REDACTED, text)


def configure(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send all logs to ``stream`` (default: stderr) as JSON lines, third-party chatter from WARNING on."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("perennial").setLevel(level)
    for noisy in ("faust", "aiokafka", "mode", "kafka"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
