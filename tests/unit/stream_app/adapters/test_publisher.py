"""What a failure to send means for whoever sent."""

import pytest
from confluent_kafka import KafkaError

from schemas.errors import ContractError, PerennialError, TransientError
from stream_app.adapters.publisher import _refusal


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        (KafkaError.MSG_SIZE_TOO_LARGE, ContractError),
        (KafkaError.RECORD_LIST_TOO_LARGE, ContractError),
        (KafkaError._MSG_TIMED_OUT, TransientError),
        (KafkaError.NOT_LEADER_FOR_PARTITION, TransientError),
    ],
)
def test_only_what_a_later_try_may_change_is_transient(code: int, meant: type[PerennialError]) -> None:
    assert type(_refusal(KafkaError(code))) is meant


def test_a_dead_producer_is_no_error_that_is_tried_again() -> None:
    assert not isinstance(_refusal(KafkaError(KafkaError._FATAL, "fenced", True)), PerennialError)
