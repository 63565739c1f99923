"""What the API tells Prometheus."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector


class Tally(Collector):
    """A histogram that the event loop's thread alone writes: without locks, it takes a tenth of the time."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str], buckets: Sequence[float]) -> None:
        self._described = name, documentation, labels
        self._bounds = buckets
        self._seen: dict[tuple[str, ...], list[float]] = {}
        REGISTRY.register(self)

    def observe(self, amount: float, *labels: str) -> None:
        """Count it in its bucket, and add it to the sum, which comes last."""
        seen = self._seen.get(labels)
        if seen is None:
            seen = self._seen[labels] = [0] * (len(self._bounds) + 2)
        seen[bisect_left(self._bounds, amount)] += 1
        seen[-1] += amount

    def describe(self) -> list[HistogramMetricFamily]:
        """Its name, without what was seen."""
        name, documentation, labels = self._described
        return [HistogramMetricFamily(name, documentation, labels=labels)]

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What Prometheus reads: how many there were up to each bound."""
        (family,) = self.describe()
        bounds = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        for labels, (*counts, total) in self._seen.items():
            family.add_metric(labels, list(zip(bounds, accumulate(counts), strict=True)), total)
        yield family


_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

requests = Counter(
    "attain_requests",
    "Operations answered. `operation` is the root field, or `several`; `code` is OK or that of the first error.",
    ["transport", "kind", "operation", "code"],
)
duration = Tally("attain_request_seconds", "From the request to its answer.", ["kind", "operation"], buckets=_SECONDS)
statements = Tally(
    "attain_request_statements", "SQL statements of one operation.", ["operation"], buckets=(0, 1, 2, 4, 8, 16, 32)
)
# Finding a child by its labels takes longer than to count. There are few, as no client can invent one.
requests_of = cache(requests.labels)
connections = Gauge("attain_pool_connections", "Postgres connections of this process.", ["state"])
fallbacks = Counter("attain_engine_fallbacks", "Operations left to graphql-core, and why.", ["reason"])
subscribers = Gauge("attain_subscribers", "Subscriptions open in this process.")
groups = Gauge("attain_subscription_groups", "Distinct subscriptions: each is executed once an event.")
deliveries = Counter("attain_deliveries", "Messages put on the queues of subscribers.")
gaps = Counter("attain_gaps", "Times a slow subscriber's queue was dropped for a GAP.")
lag = Histogram("attain_event_lag_seconds", "From the change to its message.", buckets=_SECONDS)
behind = Gauge(
    "attain_bus_behind_seconds", "How long ago the bus had last read a followed organisation's log to its end."
)
