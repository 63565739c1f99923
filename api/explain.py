"""How a number came to be, in the graph."""

from collections.abc import Iterable
from decimal import Decimal

import strawberry

from api.relay import global_id
from domain.explain import Step


@strawberry.type(description="Something stored that a step read.")
class ExplainFact:
    node_id: strawberry.ID = strawberry.field(description="Global id of the node; `node(id)` fetches it.")
    label: str = strawberry.field(description="What to know of it, for example which version.")
    value: Decimal | None = strawberry.field(
        description="What it contributed, in the unit of the step. Null where it is a definition."
    )


@strawberry.type(description="One number of an explanation. Steps form a tree by `parentId`; the first is the root.")
class ExplainStep:
    id: str = strawberry.field(description="Unique within the explanation.")
    parent_id: str | None = strawberry.field(description="The step that this one explains. Null for the root.")
    label: str = strawberry.field(description="What the number is.")
    formula: str = strawberry.field(
        description="How it follows from the steps below and the facts; the reason where there is no number."
    )
    value: Decimal | None = strawberry.field(description="The number. Null where it does not exist.")
    unit: str = strawberry.field(description="A currency code, RATIO, COUNT, DAYS, HOURS, MULTIPLE, or empty.")
    facts: list[ExplainFact] = strawberry.field(description="What it rests on.")


def explain_steps(steps: Iterable[Step]) -> list[ExplainStep]:
    """The root first, the others in their order."""
    shown = [
        ExplainStep(
            id=step.id,
            parent_id=step.parent,
            label=step.label,
            formula=step.formula,
            value=step.value,
            unit=step.unit,
            facts=[
                ExplainFact(node_id=global_id(fact.node_type, fact.node_key), label=fact.label, value=fact.value)
                for fact in step.facts
            ],
        )
        for step in steps
    ]
    return sorted(shown, key=lambda step: step.parent_id is not None)
