"""Key files: what openssl reads, what is refused, and that no mode lets others read a secret."""

import hashlib
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InputError
from stream_app.signing import keys


def test_new_key_writes_a_pair_that_only_the_owner_can_read(tmp_path: Path) -> None:
    secret, public = keys.new_key("service", tmp_path)
    assert stat.S_IMODE(Path(secret).stat().st_mode) == 0o600
    assert keys.load_secret(secret).public == keys.load_public(public)
    assert keys.load_secret(secret).keyid == keys.load_public(public).keyid


def test_new_key_never_overwrites(tmp_path: Path) -> None:
    secret, public = keys.new_key("service", tmp_path)
    before = Path(secret).read_bytes()
    with pytest.raises(InputError, match="never overwritten"):
        keys.new_key("service", tmp_path)
    Path(public).unlink()
    with pytest.raises(InputError, match="never overwritten"):
        keys.new_key("service", tmp_path)
    assert Path(secret).read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_secret_that_others_can_touch_is_refused(tmp_path: Path, mode: int) -> None:
    secret, _ = keys.new_key("service", tmp_path)
    Path(secret).chmod(mode)
    with pytest.raises(InputError, match="chmod 600"):
        keys.load_secret(secret)


def test_openssl_derives_the_same_public_key_and_keyid(tmp_path: Path) -> None:
    secret, public = keys.new_key("service", tmp_path)
    der = subprocess.run(
        ["openssl", "pkey", "-in", secret, "-pubout", "-outform", "DER"], check=True, capture_output=True
    ).stdout
    assert hashlib.sha256(der).hexdigest() == keys.load_public(public).keyid
    pem = subprocess.run(["openssl", "pkey", "-in", secret, "-pubout"], check=True, capture_output=True).stdout
    assert pem == Path(public).read_bytes()


def test_a_key_made_by_openssl_is_read(tmp_path: Path) -> None:
    path = tmp_path / "openssl.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(path)], check=True, capture_output=True)
    path.chmod(0o600)
    message = b"message"
    key = keys.load_secret(path)
    assert key.public.verifies(message, key.sign(message))


def test_consumer_keys_are_x25519_and_not_mistaken_for_signing_keys(tmp_path: Path) -> None:
    secret, public = keys.new_consumer_key("me", tmp_path)
    assert keys.load_consumer(secret).public == keys.load_consumer_public(public)
    text = subprocess.run(["openssl", "pkey", "-in", secret, "-noout", "-text"], check=True, capture_output=True).stdout
    assert b"X25519" in text
    with pytest.raises(InputError, match="no Ed25519 key"):
        keys.load_secret(secret)
    with pytest.raises(InputError, match="no Ed25519 key"):
        keys.load_public(public)


def test_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the key"):
        keys.load_public(tmp_path / "none")


def test_no_repr_shows_a_secret(tmp_path: Path) -> None:
    secret = keys.load_secret(keys.new_key("service", tmp_path)[0])
    consumer = keys.load_consumer(keys.new_consumer_key("me", tmp_path)[0])
    for shown, hidden in ((repr(secret), secret.seed), (repr(consumer), consumer.secret)):
        assert hidden.hex() not in shown
        assert repr(hidden) not in shown


@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=100).map(
            lambda text: (f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n").encode(
                "utf-8", "surrogatepass"
            )
        ),
    )
)
def test_any_bytes_are_a_key_or_an_input_error(tmp_path_factory: pytest.TempPathFactory, body: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed"
    path.write_bytes(body)
    path.chmod(0o600)
    for load in (keys.load_public, keys.load_secret, keys.load_consumer, keys.load_consumer_public):
        with pytest.raises(InputError):
            load(path)


def test_a_changed_signature_message_or_key_does_not_verify() -> None:
    key = keys.SecretKey(bytes(range(32)))
    signature = key.sign(b"message")
    assert key.public.verifies(b"message", signature)
    assert not key.public.verifies(b"massage", signature)
    assert not key.public.verifies(b"message", signature[:-1])
    assert not keys.SecretKey(bytes(32)).public.verifies(b"message", signature)
    for bit in range(512):
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        assert not key.public.verifies(b"message", bytes(changed))


def test_small_order_public_key_verifies_nothing() -> None:
    neutral = keys.PublicKey(bytes([1]) + bytes(31))
    assert not neutral.verifies(b"message", bytes([1]) + bytes(63))
