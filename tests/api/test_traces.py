"""One trace leads from a mutation to what a subscriber hears, through everything in between."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from redis.asyncio import Redis

import telemetry
from api.schema import schema as public
from domain.org.model import RepItem
from domain.org.people import reps_upsert
from domain.recompute import recompute
from settings import Settings
from sql.pool import Database
from tests.api.clients import connect, until
from tests.api.conftest import Serve
from tests.conftest import MakeOrg
from tests.test_cli import attain
from workers import jobs
from workers.relay import Relay

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"

QUOTA = """mutation { quotasSet(items: [{subject: {repExternalId: "rae"}, measure: REVENUE, amount: "100000",
  period: {quarter: "2026-Q4"}}]) { userErrors { message } } }"""
ATTAINMENT = """subscription { attainmentChanged(period: {quarter: "2026-Q4"}, groupBy: REP) {
  kind node { quota rep { externalId } } } }"""


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    """The spans of everything in this process."""
    exporter = InMemorySpanExporter()
    telemetry.use(SimpleSpanProcessor(exporter), "test")
    yield exporter
    telemetry.stop()


@asynccontextmanager
async def at_work(test_settings: Settings) -> AsyncIterator[None]:
    """The relay, and jobs as it asks for them."""
    db = await Database.open(test_settings.database_url)
    under_way = jobs.UnderWay()
    async with Redis.from_url(test_settings.valkey_url) as valkey, asyncio.TaskGroup() as running:

        async def enqueue(job: str, org_id: UUID) -> None:
            if job != "deliver":  # of webhooks, which nobody has here
                running.create_task(
                    getattr(jobs, job)(
                        {"db": db, "redis": valkey, "settings": test_settings, "under_way": under_way}, str(org_id)
                    )
                )

        relay = Relay(db, valkey, test_settings, enqueue)
        relaying = running.create_task(relay.run())
        await relay.listening.wait()
        yield
        relaying.cancel()
    await db.close()


def parents(spans: dict[int, ReadableSpan], span: ReadableSpan) -> list[str]:
    """The names of the spans above it, the nearest first; ends with the caller's own."""
    if span.parent is None:
        return []
    above = spans.get(span.parent.span_id)
    return [above.name, *parents(spans, above)] if above else [format(span.parent.span_id, "016x")]


async def test_one_trace_from_the_mutation_to_the_message(
    serve: Serve, make_org: MakeOrg, test_settings: Settings, exported: InMemorySpanExporter
) -> None:
    work = await make_org()
    await reps_upsert(work, [RepItem("rae", "Rae", hired_on=date(2026, 1, 5))])
    while await recompute(work):
        pass
    async with (
        at_work(test_settings),
        serve(public) as server,
        server.client(server.token(work)) as client,
        connect(server, server.token(work)) as socket,
    ):
        await socket.subscribe(ATTAINMENT)
        assert (await socket.next())["kind"] == "SNAPSHOT"
        answer = await client.post("/graphql", json={"query": QUOTA}, headers={"traceparent": TRACEPARENT})
        assert answer.json()["data"]["quotasSet"] == {"userErrors": []}
        message = await socket.next()
    assert message == {"kind": "CREATED", "node": {"quota": "100000", "rep": {"externalId": "rae"}}}

    # The message goes out a moment before the span around it ends.
    await until(lambda: any(s.name == "deliver" for s in exported.get_finished_spans()))
    ours = [span for span in exported.get_finished_spans() if span.context and span.context.trace_id == int(TRACE, 16)]
    by_id = {span.context.span_id: span for span in ours if span.context}
    caller = TRACEPARENT.split("-")[2]
    paths = {(span.name, *parents(by_id, span)) for span in ours}
    assert {
        ("mutation quotasSet", caller),
        ("recompute", "mutation quotasSet", caller),
        ("deliver", "recompute", "mutation quotasSet", caller),
    } <= paths
    # One for both, where the relay came late.
    relayed = {path for path in paths if path[0] == "relay"}
    assert relayed
    assert relayed <= {("relay", "mutation quotasSet", caller), ("relay", "recompute", "mutation quotasSet", caller)}
    assert {path for path in paths if path[0] == "publish"} == {("publish", *path) for path in relayed}
    (mutation,) = (span for span in ours if span.name == "mutation quotasSet")
    assert mutation.attributes is not None
    assert mutation.attributes["attain.code"] == "OK"


def test_work_that_many_asked_for_belongs_to_one_and_links_to_the_others(exported: InMemorySpanExporter) -> None:
    asked: list[str | None] = []
    for name in ("first", "second"):
        with telemetry.span(name):
            asked.append(telemetry.traceparent())
    with telemetry.span("recompute", [*asked, None, asked[0]]):
        pass
    first, second, recompute = exported.get_finished_spans()
    assert first.context is not None
    assert recompute.parent is not None
    assert recompute.parent.span_id == first.context.span_id
    assert [link.context.span_id for link in recompute.links] == [second.context.span_id if second.context else None]


def test_a_failure_leaves_nothing_in_the_trace_of_what_people_sent(exported: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="hunter2"), telemetry.span("mutation dealsIngest"):
        raise ValueError("hunter2 is no number")
    (span,) = exported.get_finished_spans()
    assert "hunter2" not in span.to_json()


def test_nothing_is_imported_where_nobody_traces() -> None:
    code = (
        "import sys, api.app, workers.main, telemetry\n"
        "with telemetry.span('x') as note: note(code='OK')\n"
        "assert telemetry.traceparent() is None\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout == b"[]\n"


@pytest.mark.parametrize("command", ["serve", "work"])
async def test_tracing_without_the_packages_is_one_line(
    command: str, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "opentelemetry.py").write_text("raise ModuleNotFoundError(__name__)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    code, _, errors = await attain(command, database_url=database_url, valkey_url="redis://127.0.0.1:1", tracing="1")
    said = "attain: ATTAIN_TRACING needs OpenTelemetry: install what requirements-otel.lock names.\n"
    assert (code, errors) == (1, said)
