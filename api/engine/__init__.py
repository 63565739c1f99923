"""Runs a validated GraphQL operation as a plan: a Strawberry schema at the speed of its data.

    engine = Engine(schema)                     # a graphql-core schema, as Strawberry makes it
    plan = engine.plan(document, operation)     # once: keep it beside the validated document
    if plan.reason is None:                     # otherwise graphql-core has to do it, and this says why
        result = await plan.run(variables, context, root)

A subscription's plan says what it listens to, `await plan.source(variables, context)`, and runs each message as
its `root`.

graphql-core completes a result field by field and object by object, and looks everything up again each time. A plan
looks up once. It runs in waves: whatever needs no waiting is resolved for whole columns at a time (a field of all
objects of one place in the answer), then all that has to be waited for is awaited together, and so on down. At the end
the columns are put together from the leaves up, one dict an object, ready for `orjson`.

Answers are those of graphql-core: the same data, the same errors with their paths and locations. What graphql-core
leaves to chance is fixed here: errors come in the order of the document, and when several fields would null the same
place, the first of them is reported, as if every resolver were synchronous.

How a field is resolved, cheapest first:

- a plain attribute: one `attrgetter` over the column;
- a *column resolver*, `strawberry.field(..., metadata={COLUMN: load})`: one call of
  `await load(parents, info, **arguments)` gives the values of all parents in order, exceptions among them; objects that
  are read by the column, as those of rows, it gives as a `Table`, or arranged as `tables.py` has it;
- a method, called for each parent; those that return awaitables are awaited together;
- anything else (field extensions, other exception handlers, resolvers of plain graphql-core schemas) as graphql-core
  would call it.

Values may come with guards (`Guarded` in `tables.py`): `await plan.run_guarded(variables, context, roots)` says of each
event of a subscription which guards whoever is shown its answer has to pass.

A field extension that decides by the context alone derives from `Gate`: it is asked once a column.
Arguments are made once a column, too: resolvers must not change them. An object that stands in many places is completed
once, where nothing below it is resolved by methods: those may look at where they are.

The package knows graphql-core and Strawberry and nothing else of this repository.
"""

from api.engine.fields import COLUMN, Field, Gate
from api.engine.plan import Engine, Plan
from api.engine.run import Misfit, Unsupported
from api.engine.tables import Guarded, Many, Ones, Repeated, Table

__all__ = [
    "COLUMN",
    "Engine",
    "Field",
    "Gate",
    "Guarded",
    "Many",
    "Misfit",
    "Ones",
    "Plan",
    "Repeated",
    "Table",
    "Unsupported",
]
