"""What a DSSE signature covers. Apart from the envelope's model, so that verifying a file needs no pydantic."""


def preauthentication(payload_type: str, payload: bytes) -> bytes:
    """``DSSEv1 SP LEN(type) SP type SP LEN(body) SP body``."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
