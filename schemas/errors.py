"""Every exception of Perennial; each family fixes how the shell that meets it reacts."""


class PerennialError(Exception):
    """The root of all errors that Perennial raises on purpose; anything else is a bug and crashes loudly."""


class ContractError(PerennialError):
    """Input breaks a contract or a schema: the event goes to dead letters, a command exits with 2."""


class InputError(PerennialError):
    """A file or an argument cannot be read as what it should be; the message says what to do."""


class InsufficientEvidence(PerennialError):
    """There is too little data to measure: a gate fails closed."""


class SignatureError(PerennialError):
    """A signature, digest, audience, nonce or expiry is wrong: refuse and alert."""


class AuthorisationError(PerennialError):
    """The signer is known but may not do this: refuse and alert."""


class ArtefactError(PerennialError):
    """An artefact's digest or authentication tag is wrong, or its key is destroyed: never open it."""


class BudgetError(PerennialError):
    """A mechanism costs more than was granted, or cannot be accounted for: the run ends, nothing is released."""


class MissingExtra(PerennialError):
    """A family or format needs an optional extra that is not installed; the message names it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra '{extra}': install it with  pip install 'perennial[{extra}]'")
        self.extra = extra


class TransientError(PerennialError):
    """A broker, store or network failed for now: retry with backoff."""


class RunCancelled(PerennialError):
    """The run was cancelled while it worked: stop, keep nothing; what was spent stays spent."""
