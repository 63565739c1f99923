"""The commands of `attain`, by name.

Each imports what it needs when it runs, so that `attain serve` in production needs nothing of `dev`.
"""

from importlib.util import find_spec

import typer

from cli import incentives, organizations, servers, transfer

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown"
)

if find_spec("dev"):  # not in production
    from dev.bench.commands import bench

    app.add_typer(bench, name="bench")


@app.callback()
def attain() -> None:
    """The open backend for sales performance management."""


app.command()(servers.up)
app.command()(servers.serve)
app.command()(servers.work)
app.command()(servers.migrate)
app.command()(servers.schema)
app.command()(organizations.organization)
app.command()(organizations.token)
app.command("import")(organizations.import_)
app.command()(organizations.demo)
app.command()(transfer.backup)
app.command()(transfer.restore)
app.add_typer(incentives.plan, name="plan")
app.command()(incentives.explain)


def main() -> None:
    """The console script."""
    app(prog_name="attain")


if __name__ == "__main__":
    main()
