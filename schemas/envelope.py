"""DSSE envelopes: a payload, its type, and signatures over exactly these bytes (Dead Simple Signing Envelope, v1)."""

import base64
import binascii
from typing import Annotated

from pydantic import Field

from schemas.errors import ContractError
from schemas.model import Model
from schemas.preauthentication import preauthentication


class Signature(Model):
    """One signature; ``sig`` is base64, ``keyid`` only a hint at which key to try."""

    keyid: Annotated[str, Field(max_length=200)]
    sig: Annotated[str, Field(max_length=2000)]


class Envelope(Model):
    """``payload`` is base64; what is signed is ``preauthentication(payloadType, payload)``, never JSON written anew."""

    payloadType: Annotated[str, Field(max_length=200)]
    payload: str
    signatures: Annotated[tuple[Signature, ...], Field(max_length=16)]

    @property
    def content(self) -> bytes:
        """The payload's bytes; raises ``ContractError``."""
        try:
            return base64.b64decode(self.payload, validate=True)
        except (binascii.Error, ValueError):
            raise ContractError("the payload of an envelope is not base64") from None

    def signed_bytes(self) -> bytes:
        """DSSE's PAE of this envelope."""
        return preauthentication(self.payloadType, self.content)
