"""Faust's aiokafka transport with a fetch wait of our choosing, for brokers that do not wake a waiting fetch."""

from typing import TYPE_CHECKING, cast

from faust.transport.drivers import aiokafka as driver
from faust.types import AppT
from yarl import URL

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer


class _PromptThread(driver.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: driver.Transport) -> "AIOKafkaConsumer":
        consumer = super()._create_worker_consumer(transport)
        # Faust fixes 1,500 ms and has no setting for it; aiokafka reads this when the consumer starts.
        consumer._fetch_max_wait_ms = cast(PromptTransport, transport).fetch_max_wait_ms
        return consumer


class _PromptConsumer(driver.Consumer):
    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return _PromptThread(self, loop=self.loop, beacon=self.beacon)


class PromptTransport(driver.Transport):
    """Answers within ``fetch_max_wait_ms`` where a broker lets a fetch wait out its time though records have come.

    The embedded broker does that: with Faust's fixed 1,500 ms every hop between stations would cost up to that
    long. Apache Kafka wakes the fetch and does not need it. Use: ``app.transport = PromptTransport(bootstrap, app)``
    before the app starts.
    """

    Consumer = _PromptConsumer

    def __init__(self, bootstrap: str, app: AppT, fetch_max_wait_ms: int = 20) -> None:
        super().__init__([URL(f"kafka://{bootstrap}")], app)
        self.fetch_max_wait_ms = fetch_max_wait_ms
