"""What the API tells Prometheus."""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

requests = Counter(
    "attain_requests",
    "Operations answered. `operation` is the root field, or `several`; `code` is OK or that of the first error.",
    ["transport", "kind", "operation", "code"],
)
duration = Histogram(
    "attain_request_seconds", "From the request to its answer.", ["kind", "operation"], buckets=_SECONDS
)
statements = Histogram(
    "attain_request_statements", "SQL statements of one operation.", ["operation"], buckets=(0, 1, 2, 4, 8, 16, 32)
)
# Finding a child by its labels takes longer than to count. There are few, as no client can invent one.
requests_of = cache(requests.labels)
duration_of = cache(duration.labels)
statements_of = cache(statements.labels)
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
