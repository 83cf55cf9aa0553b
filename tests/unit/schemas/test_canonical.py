"""RFC 8785: its own vectors, and a parser that leaves nothing open."""

import hashlib
import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.canonical import canonical, digest, parse
from schemas.errors import ContractError

# RFC 8785, appendix B: IEEE 754 bits and the serialisation.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_numbers_of_the_rfc(bits: str, text: str) -> None:
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical(value) == text.encode()


def test_the_example_of_the_rfc() -> None:
    """Section 3.2.3: properties sorted by UTF-16 code units, and the literals and strings of 3.2.2."""
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '€$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    assert (
        canonical(value)
        == (
            '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
            '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
        ).encode()
    )


def test_keys_are_sorted_by_utf_16_code_units() -> None:
    keys = ["€", "\r", "\ufb33", "1", "😀", "\u0080", "ö"]
    assert list(json.loads(canonical(dict.fromkeys(keys, 0)))) == ["\r", "1", "\u0080", "ö", "€", "😀", "\ufb33"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 2**53, -(2**53) - 1, {1: 2}, {"a": {1, 2}}, "\ud800"])
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(ContractError):
        canonical(value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(-1e15, 1e15)
    | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=4), inner, max_size=3)
    ),
)


@given(JSON)
def test_canonical_bytes_are_a_fixed_point_and_mean_the_same(value: Any) -> None:
    body = canonical(value)
    assert parse(body) == value
    assert canonical(parse(body)) == body
    assert digest(value) == hashlib.sha256(body).hexdigest()


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=4), st.integers(0, 9), max_size=5), st.randoms())
def test_the_order_of_keys_changes_no_digest(value: dict[str, int], random: Any) -> None:
    shuffled = list(value.items())
    random.shuffle(shuffled)
    assert digest(dict(shuffled)) == digest(value)


@pytest.mark.parametrize(
    "text",
    {
        "a duplicate key": '{"a":1,"a":1}',
        "a duplicate key in another spelling": '{"a":1,"\\u0061":2}',
        "a duplicate key deep inside": '[{"b":{"a":1,"a":2}}]',
        "NaN": "NaN",
        "infinity": '{"a":-Infinity}',
        "a float beyond range": '{"a":1e999}',
        "an endless number": "9" * 5_000,
        "deep nesting": "[" * 100_000,
        "nothing": "",
        "two documents": "{} {}",
        "single quotes": "{'a':1}",
        "a trailing comma": "[1,]",
        "a byte that is no UTF-8": b'"\xff"',
        "a control character": '"\x01"',
    }.items(),
    ids=lambda item: item[0],
)
def test_what_json_leaves_open_is_refused(text: tuple[str, str | bytes]) -> None:
    with pytest.raises(ContractError) as found:
        parse(text[1])
    assert len(str(found.value)) < 100


@given(st.binary(max_size=100) | st.text(max_size=100))
def test_random_text_is_a_contract_error_or_json(text: bytes | str) -> None:
    try:
        value = parse(text)
    except ContractError:
        return
    assert value == json.loads(text)
