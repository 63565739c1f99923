"""The commands of `attain bench`. Each imports what it measures when it runs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

bench = typer.Typer(no_args_is_help=True, help="Measure Attain on this machine, with real processes.")

DataDir = Annotated[Path, typer.Option("--data-dir", help="Where the company of the benches is kept between runs.")]
Json = Annotated[Path | None, typer.Option("--json", help="A file for the same figures as JSON.")]
Write = Annotated[
    Path | None,
    typer.Option(
        "--write", exists=True, dir_okay=False, help="A document whose marked part becomes this run's report."
    ),
]
Weeks = Annotated[int, typer.Option(min=1, help="Weeks of history of the demo company.")]

_DATA = Path(".attain/bench")


@bench.command()
def live(
    seconds: Annotated[float, typer.Option(min=0.5, help="How long each measurement lasts.")] = 20.0,
    subscribers: Annotated[int, typer.Option(min=1, help="Sockets that hear of the facts.")] = 100,
    rate: Annotated[float, typer.Option(min=1, help="Facts a second.")] = 200.0,
    per_call: Annotated[int, typer.Option(min=1, max=90, help="Facts of one call.")] = 10,
    fanout: Annotated[str, typer.Option(help="How many sockets hear of one event, in turn.")] = "500,2000,5000",
    minutes: Annotated[float, typer.Option(min=0, help="Only load, and memory, for so long.")] = 0.0,
    growth: Annotated[float, typer.Option(help="MB a minute by which API or worker may grow under that load.")] = 1.0,
    weeks: Weeks = 26,
    data_dir: DataDir = _DATA,
    json: Json = None,
    write: Write = None,
) -> None:
    """From the commit of a fact to a subscriber's message; taking facts in; one event to thousands."""
    from dev.bench.live import live as run

    with _bench("live", write):
        report = run(
            data_dir.absolute(),
            weeks=weeks,
            seconds=seconds,
            subscribers=subscribers,
            rate=rate,
            per_call=per_call,
            sizes=[int(size) for size in fanout.split(",")],
            minutes=minutes,
            growth=growth,
        )
        report.publish(json, write)


@bench.command()
def api(
    seconds: Annotated[float, typer.Option(min=0.2, help="How long a question is asked in a round.")] = 3.0,
    rounds: Annotated[int, typer.Option(min=1, help="How often.")] = 5,
    peers: Annotated[
        str, typer.Option(help="Whom to measure beside Attain.")
    ] = "strawberry,tuned,postgraphile,mercurius,floor",
    weeks: Weeks = 26,
    data_dir: DataDir = _DATA,
    json: Json = None,
    write: Write = None,
) -> None:
    """Three questions through the public schema, beside peers on the same Postgres and the same data."""
    from dev.bench.api import api as run

    with _bench("api", write):
        chosen = [name for name in peers.split(",") if name]
        report = run(data_dir.absolute(), weeks=weeks, seconds=seconds, rounds=rounds, peers=chosen)
        report.publish(json, write)


@bench.command()
def recompute(
    reps: Annotated[int, typer.Option(min=20, help="Reps of the largest organisation.")] = 10_000,
    facts: Annotated[list[int] | None, typer.Option(help="Facts of an organisation; say it once for each.")] = None,
    everything: Annotated[bool, typer.Option(help="Recompute all of it, too, where that was done before.")] = True,
    data_dir: DataDir = _DATA,
    json: Json = None,
    write: Write = None,
) -> None:
    """What recomputing everything costs, and what 1, 100 and 10,000 changed facts cost, at two sizes of history."""
    from dev.bench.recompute import run

    with _bench("recompute", write):
        sizes = facts or [500_000, 5_000_000]
        run(data_dir.absolute(), reps=reps, sizes=sizes, full=everything).publish(json, write)


@contextmanager
def _bench(name: str, write: Path | None) -> Iterator[None]:
    """What is wrong in one line, with exit code 1: of the document before anything is measured."""
    from dev.bench.report import parts
    from dev.services import ServiceError

    try:
        if write is not None:
            parts(write, name)
        yield
    except (ServiceError, ValueError) as failure:
        print(f"attain: {failure}", file=sys.stderr)
        raise typer.Exit(1) from None


@bench.command()
def pay(
    reps: Annotated[int, typer.Option(min=1, help="How many are paid.")] = 1_000,
    deals: Annotated[int, typer.Option(min=1, help="Deals of each in the year.")] = 60,
    data_dir: DataDir = _DATA,
    json: Json = None,
    write: Write = None,
) -> None:
    """A year of deals through the rules of pay, month by month; their traces; a draft simulated from the database."""
    from dev.bench.pay import pay as run

    with _bench("pay", write):
        run(data_dir.absolute(), reps, deals).publish(json, write)
