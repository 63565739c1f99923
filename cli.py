"""`attain`: everything one does with Attain from a terminal."""

import asyncio
from typing import Annotated

import typer

from settings import settings
from sql.migrate import migrate as apply_migrations

app = typer.Typer(name="attain", no_args_is_help=True, add_completion=False, help="Attain, on your terminal.")


@app.callback()
def root() -> None:
    """The open backend for sales performance management."""


@app.command()
def migrate(
    database_url: Annotated[str, typer.Option(envvar="ATTAIN_DATABASE_URL")] = "",
) -> None:
    """Bring the database to the present."""
    for name in asyncio.run(apply_migrations(database_url or settings().database_url)):
        typer.echo(name)


def main() -> None:
    """The console script."""
    app()
