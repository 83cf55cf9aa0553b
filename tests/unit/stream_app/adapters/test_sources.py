"""Sources: what people export is read; what cannot be read is refused with what to do and without its content."""

import gzip
import hashlib
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import InputError
from stream_app.adapters.sources import blocks, describe, digest_of, read_frame


def parquet(frame: pd.DataFrame) -> bytes:
    sink = io.BytesIO()
    frame.to_parquet(sink)
    return sink.getvalue()


def saved(folder: Path, name: str, body: bytes) -> str:
    (folder / name).write_bytes(body)
    return str(folder / name)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.csv", b"n,t\n1,x\n2,\n"),
        ("a.tsv", b"\xef\xbb\xbfn\tt\r\n1\tx\r\n2\tNA\r\n"),
        ("a.txt", b"n|t\n1|x\n2|?\n"),
        ("semi.csv", b"n;t\n1;x\n2;NULL\n"),
        ("a.csv.gz", gzip.compress(b"n,t\n1,x\n2,null\n", mtime=0)),  # no clock in a test's name
        ("a.jsonl", b'{"n":1,"t":"x"}\n\n{"n":2,"t":null}\n'),
        ("a.json", b'[{"n":1,"t":"x"},{"n":2}]'),
        ("a.csv2", b"n,t\n1,x\n2,\n"),
        ("utf16.csv", "n,t\n1,x\n2,\n".encode("utf-16")),
        ("a.parquet", parquet(pd.DataFrame({"n": [1, 2], "t": ["x", None]}, index=[5, 6]))),
        ("noname", parquet(pd.DataFrame({"n": [1, 2], "t": ["x", None]}))),
    ],
)
def test_the_same_table_in_every_dress(tmp_path: Path, name: str, body: bytes) -> None:
    uri = saved(tmp_path, name, body)
    for frame in (read_frame(uri), read_frame(f"file://{uri}"), pd.concat(blocks(uri, 1), ignore_index=True)):
        assert list(frame.columns) == ["n", "t"]
        assert frame["n"].tolist() == [1, 2]
        assert frame["t"].iloc[0] == "x"
        assert pd.isna(frame["t"].iloc[1])
    assert describe(uri).rows == 2
    assert digest_of(uri) == hashlib.sha256(body).hexdigest()


def test_codes_commas_accents_and_quotes(tmp_path: Path) -> None:
    frame = read_frame(
        saved(
            tmp_path,
            "a.csv",
            (
                'zip;price;large;name;"odd ""one"""\n'
                '00501;1,5;1180591620717411303424;Zoë;"a;b\nc"\n10001;-2,25;1;Ann;x\n'
            ).encode("latin-1"),
        )
    )
    assert frame["zip"].tolist() == ["00501", "10001"]
    assert frame["price"].tolist() == [1.5, -2.25]
    assert [int(cell) for cell in frame["large"]] == [2**70, 1]
    assert frame["name"].tolist() == ["Zoë", "Ann"]
    assert frame['odd "one"'].tolist() == ["a;b\nc", "x"]


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (["2020-03-04", "2021-12-31"], "2020-03-04"),
        (["2020-03-04T10:00:00Z", "2020-03-04T10:00:00+02:00"], "2020-03-04 10:00"),
        (["03/04/2020", "12/31/2021"], "2020-03-04"),
        (["03/04/2020", "31/12/2021"], "2020-04-03"),
        (["04.03.2020", "31.12.2021"], "2020-03-04"),
        (["4 Mar 2020", "31 Dec 2021"], "2020-03-04"),
    ],
)
def test_text_of_dates_becomes_times_by_one_format_a_column(tmp_path: Path, texts: list[str], first: str) -> None:
    frame = read_frame(saved(tmp_path, "a.csv", ("when,n\n" + "".join(f"{text},1\n" for text in texts)).encode()))
    assert str(frame["when"].dtype) == "datetime64[us]"
    assert frame["when"].iloc[0] == pd.Timestamp(first)


def test_text_that_is_not_dates_stays_text(tmp_path: Path) -> None:
    frame = read_frame(saved(tmp_path, "a.csv", b"a,b,c\n2020-01-01,10-20,1/2\nnever,30-40,3/4\n"))
    assert frame["a"].tolist() == ["2020-01-01", "never"]
    assert frame["b"].tolist() == ["10-20", "30-40"]
    assert frame["c"].tolist() == ["1/2", "3/4"]


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("empty.csv", b"", "empty"),
        ("header.csv", b"a,b\n1,2,hunter2\n1,2,hunter2\n1,2,3\n", "complete the header"),
        ("ragged.csv", b"a,b\n1,2\nhunter2,2,3\n", "line 3"),
        ("bad.jsonl", b'{"a":1}\n{hunter2\n', "line 2"),
        ("list.jsonl", b"[1]\n", "line 1"),
        ("a.parquet", b"PAR1hunter2", "damaged"),
        ("a.csv.gz", b"hunter2", "damaged"),
    ],
)
def test_damage_is_refused_without_its_content(tmp_path: Path, name: str, body: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read_frame(saved(tmp_path, name, body))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("nowhere/a.csv", "does not exist"),
        ("zz://a.csv", "no address"),
        ("gs://user:hunter2@bucket/a.csv?key=hunter2", "pip install gcsfs"),
    ],
)
def test_addresses_that_cannot_be_opened(uri: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read_frame(uri)
    assert "hunter2" not in str(caught.value)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=80) | st.text('abc,;"\n\r\t |1.-0{}[]:', max_size=80).map(str.encode),
    st.sampled_from(["f.csv", "f.jsonl", "f.parquet", "f"]),
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, body: bytes, name: str) -> None:
    uri = saved(tmp_path, name, body)
    try:
        frame = read_frame(uri)
    except InputError:
        return
    assert isinstance(frame, pd.DataFrame)
