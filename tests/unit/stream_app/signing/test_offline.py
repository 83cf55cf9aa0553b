"""The offline check itself: every flipped bit, any signed JSON, and the same texts as the models."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import certificate as models
from schemas.errors import SignatureError
from stream_app.signing import dsse, offline, statement
from tests.unit.stream_app.signing.deployments import Deployment

DEPLOYMENT = Deployment()
KEYS = [DEPLOYMENT.keys["service"].public]
DATA = b"data"


def test_every_flipped_bit_of_the_certificate_is_refused() -> None:
    body, keys = DEPLOYMENT.certificate(data=DATA).to_bytes(), [DEPLOYMENT.keys["service"].public]
    offline.verify_certificate(body, keys, {})
    changed = bytearray(body)
    for bit in range(8 * len(body)):
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SignatureError):
            offline.verify_certificate(bytes(changed), keys, {})
        changed[bit // 8] ^= 1 << bit % 8


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["_type", "predicate", "subject", "predicateType", "privacy", "digest"]),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_any_signed_json_is_refused_and_never_crashes(document: object) -> None:
    envelope = dsse.sign(models.PAYLOAD_TYPE, json.dumps(document).encode(), DEPLOYMENT.keys["service"])
    with pytest.raises(SignatureError):
        offline.verify_certificate(envelope.to_bytes(), [DEPLOYMENT.keys["service"].public], {})


def test_the_light_path_knows_the_models_texts() -> None:
    assert (offline.STATEMENT_TYPE, offline.PREDICATE_TYPE, offline.PAYLOAD_TYPE, offline.STATUS_TYPE) == (
        models.STATEMENT_TYPE,
        models.PREDICATE_TYPE,
        models.PAYLOAD_TYPE,
        statement.STATUS_TYPE,
    )
