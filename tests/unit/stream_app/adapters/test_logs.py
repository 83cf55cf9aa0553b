"""Logs are JSON lines, and no secret gets into one, whatever a caller hands over."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.adapters.logs import REDACTED, configure, redact, redact_text
from stream_app.signing.keys import SecretKey

SECRET = "c2VjcmV0LXZhbHVl"
PEM = SecretKey(b"7" * 32).pem.decode()


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What a worker would log, with the process's own logging put back afterwards."""
    root, own = logging.getLogger(), logging.getLogger("perennial")
    before = root.handlers[:], root.level, own.level
    told = io.StringIO()
    configure("INFO", told)
    yield told
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    own.setLevel(before[2])


def _line(stream: io.StringIO) -> dict[str, Any]:
    (line,) = stream.getvalue().splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_record_is_one_json_line_with_its_fields(stream: io.StringIO) -> None:
    logging.getLogger("perennial").info("dead letter", extra={"station": "drift", "offset": 7, "reason": "two\nlines"})
    line = _line(stream)
    assert (line["level"], line["logger"], line["message"]) == ("info", "perennial", "dead letter")
    assert (line["station"], line["offset"], line["reason"]) == ("drift", 7, "two\nlines")
    assert line["at"].endswith("+00:00")


@pytest.mark.parametrize(
    "name",
    [
        "secret",
        "worker_secret",
        "password",
        "API_TOKEN",
        "privateKey",
        "kek",
        "data_key",
        "seed",
        "nonce",
        "credentials",
        "Authorization",
    ],
)
@pytest.mark.parametrize("value", [SECRET, [SECRET], {"inner": SECRET}, SECRET.encode()])
def test_a_field_whose_name_suggests_a_secret_loses_its_value(stream: io.StringIO, name: str, value: Any) -> None:
    logging.getLogger("perennial").info("something", extra={name: value})
    assert SECRET not in stream.getvalue()
    assert _line(stream)[name] == REDACTED


def test_secrets_inside_of_other_fields_are_found(stream: io.StringIO) -> None:
    logging.getLogger("perennial").info(
        "something", extra={"settings": {"store": "s3", "deep": [{"password": SECRET}]}}
    )
    assert SECRET not in stream.getvalue()
    assert _line(stream)["settings"]["store"] == "s3"


TEXTS = {
    "a private key": (f"read {PEM} from a file", PEM.splitlines()[1]),
    "a private key in one line": (f"read {PEM!r} from a file", PEM.splitlines()[1]),
    "a password in a URL": (f"cannot reach s3://ada:{SECRET}@store.example/bucket", SECRET),
    "a cloud access key": ("denied for AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_texts_lose_what_is_secret_in_them(stream: io.StringIO, case: str) -> None:
    text, secret = TEXTS[case]
    logging.getLogger("perennial").warning(text, extra={"reason": text, "more": [text]})
    assert secret not in stream.getvalue()
    assert REDACTED in _line(stream)["message"]


@pytest.mark.parametrize("case", TEXTS)
def test_so_do_tracebacks(stream: io.StringIO, case: str) -> None:
    text, secret = TEXTS[case]
    try:
        raise OSError(text)
    except OSError:
        logging.getLogger("perennial").exception("failed")
    assert secret not in stream.getvalue()
    assert "OSError" in _line(stream)["error"]


def test_arguments_of_a_message_are_redacted_too(stream: io.StringIO) -> None:
    logging.getLogger("perennial").info("reading %s", f"https://ada:{SECRET}@store.example")
    assert SECRET not in stream.getvalue()


def test_libraries_speak_from_warning_on_and_kafka_s_from_error_on(stream: io.StringIO) -> None:
    logging.getLogger("some.library").info("chatter")
    logging.getLogger("aiokafka").warning("chatter")
    assert stream.getvalue() == ""
    logging.getLogger("aiokafka").error("trouble")
    assert _line(stream)["message"] == "trouble"


def test_a_public_key_and_an_ordinary_url_stay() -> None:
    public = SecretKey(b"7" * 32).public.pem.decode()
    for text in (public, "https://store.example/path?x=a:b@c", "file:///data/january.parquet", "localhost:9092"):
        assert redact_text(text) == text


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(VALUES)
def test_redaction_twice_is_redaction_once(value: Any) -> None:
    once = redact("field", value)
    assert redact("field", once) == once
