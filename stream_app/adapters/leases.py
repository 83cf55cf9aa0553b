"""Key leases: an artefact's data key, sealed to one consumer's X25519 key.

Whoever holds a lease may open one artefact. A lease is asked for at each opening and not kept, so a revocation, which
destroys the data key, ends it for every client that keeps to this; what was opened before is out of reach.
"""

from dataclasses import dataclass
from typing import Protocol

from schemas.canonical import canonical, parse
from schemas.errors import ArtefactError, ContractError
from stream_app.adapters.vault import KeyVault
from stream_app.signing.keys import ConsumerKey


class Leases(Protocol):
    """Where a client gets leases: the vault of this machine, or a service that checks who asks."""

    def lease(self, artefact_id: str, consumer_public_key: bytes) -> bytes:
        """A sealed lease; raises ``ArtefactError`` where the key was destroyed."""
        ...


@dataclass(frozen=True, slots=True)
class LocalLeases:
    """Leases from a vault on this machine, for whoever can read it."""

    vault: KeyVault

    def lease(self, artefact_id: str, consumer_public_key: bytes) -> bytes:
        from nacl.bindings import crypto_box_seal

        if len(consumer_public_key) != 32:
            raise ArtefactError("a consumer's X25519 key is 32 bytes")
        key = self.vault.existing_key(artefact_id)
        return crypto_box_seal(canonical({"artefact_id": artefact_id, "key": key.hex()}), consumer_public_key)


def open_lease(lease: bytes, artefact_id: str, consumer: ConsumerKey) -> bytes:
    """The data key in a lease; raises ``ArtefactError`` where it is for another consumer or another artefact."""
    from nacl.bindings import crypto_box_seal_open
    from nacl.exceptions import CryptoError

    try:
        document = parse(crypto_box_seal_open(lease, consumer.public, consumer.secret))
        if document["artefact_id"] == artefact_id and len(key := bytes.fromhex(document["key"])) == 32:
            return key
    except (CryptoError, ContractError, ValueError, KeyError, TypeError):
        pass
    raise ArtefactError(
        f"the lease does not open {artefact_id}: it is damaged, for another artefact or another consumer"
    )
