"""Traces: one from a mutation over the relay and the recompute to what a subscriber hears.

OpenTelemetry is an extra (`attain[otel]`), imported when ATTAIN_TRACING asks for it and not otherwise. From process to
process a trace travels as a W3C `traceparent` in the rows that carry the work (`org_work`, `outbox`, `event_log`). Work
that many mutations asked for belongs to the trace of the first and links to the others'.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.trace import Tracer

Note = Callable[..., None]
"""Adds attributes to a span: `note(code="OK")`."""

_MOST_LINKS = 32

_provider: "TracerProvider | None" = None
_tracer: "Tracer | None" = None


def start(process: str) -> None:
    """Send this process's spans where the OTEL_* variables say. Raises `ModuleNotFoundError` without the extra."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    use(BatchSpanProcessor(OTLPSpanExporter()), process)


def use(processor: "SpanProcessor", process: str) -> None:
    """Hand spans to a processor from now on."""
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider

    global _provider, _tracer
    _provider = TracerProvider(resource=Resource.create({SERVICE_NAME: f"attain-{process}"}))
    _provider.add_span_processor(processor)
    _tracer = _provider.get_tracer("attain")


def stop() -> None:
    """Send what is left, and trace no more."""
    global _provider, _tracer
    if _provider is not None:
        _provider.shutdown()
    _provider = _tracer = None


def span(
    name: str, parents: Sequence[str | None] = (), began: int | None = None, **attributes: str | int | None
) -> AbstractContextManager[Note]:
    """What the block does, as part of the current span or of the first `traceparent`, linked to the others.

    `began`: when, in nanoseconds of the epoch, if that was before it was known whose part it is.
    """
    return _NOWHERE if _tracer is None else _span(_tracer, name, parents, began, attributes)


@contextmanager
def _span(
    tracer: "Tracer",
    name: str,
    parents: Sequence[str | None],
    began: int | None,
    attributes: dict[str, str | int | None],
) -> Iterator[Note]:
    from opentelemetry.trace import Link, get_current_span

    known = [_context(parent) for parent in dict.fromkeys(parents) if parent][: _MOST_LINKS + 1]
    links = [Link(get_current_span(other).get_span_context()) for other in known[1:]]
    # What goes wrong is in the log, without what people sent; a recorded exception would hold it.
    with tracer.start_as_current_span(
        name,
        known[0] if known else None,
        links=links,
        start_time=began,
        record_exception=False,
        set_status_on_exception=False,
    ) as opened:

        def note(**more: str | int | None) -> None:
            opened.set_attributes({f"attain.{key}": value for key, value in more.items() if value is not None})

        note(**attributes)
        yield note


def _ignore(**_: str | int | None) -> None:
    """Nobody looks."""


_NOWHERE = nullcontext(_ignore)


def _context(traceparent: str) -> "Context":
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": traceparent})


def traceparent() -> str | None:
    """The current span, to be stored with the work that it asks for."""
    if _tracer is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")
