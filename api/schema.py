"""Assembles the graph from its areas."""

import strawberry
from graphql import GraphQLInputObjectType
from strawberry.tools import merge_types
from strawberry.types.base import get_object_definition

from api.errors import InvalidInput, StaleVersion
from api.graph.feed.mutation import FeedMutation
from api.graph.feed.query import FeedQuery
from api.graph.feed.subscription import FeedSubscription
from api.graph.incentives.crediting import CreditingQuery
from api.graph.incentives.document import COMPONENT_TYPES
from api.graph.incentives.objectives_mutation import ObjectivesMutation
from api.graph.incentives.payroll_mutation import PayrollMutation
from api.graph.incentives.plans_mutation import PlansMutation
from api.graph.incentives.query import IncentivesQuery
from api.graph.incentives.subscription import IncentivesSubscription
from api.graph.incentives.whatif import WhatIfQuery
from api.graph.live import LiveQuery, LiveSubscription
from api.graph.org.mutation import OrgMutation
from api.graph.org.query import OrgQuery
from api.graph.org.webhooks import WebhooksMutation, WebhooksQuery
from api.graph.pipeline.mutation import PipelineMutation
from api.graph.pipeline.query import PipelineQuery
from api.graph.quotas.mutation import QuotasMutation
from api.graph.quotas.query import QuotasQuery
from api.graph.quotas.subscription import QuotasSubscription
from api.graph.scorecards.mutation import ScorecardsMutation
from api.graph.scorecards.query import ScorecardsQuery
from api.graph.scorecards.subscription import ScorecardsSubscription
from api.relay import NodeQuery
from api.scalars import CONFIG

Query = merge_types(
    "Query",
    (
        NodeQuery,
        LiveQuery,
        OrgQuery,
        WebhooksQuery,
        PipelineQuery,
        ScorecardsQuery,
        QuotasQuery,
        IncentivesQuery,
        CreditingQuery,
        WhatIfQuery,
        FeedQuery,
    ),
)
Mutation = merge_types(
    "Mutation",
    (
        OrgMutation,
        WebhooksMutation,
        PipelineMutation,
        ScorecardsMutation,
        QuotasMutation,
        PlansMutation,
        ObjectivesMutation,
        PayrollMutation,
        FeedMutation,
    ),
)
Subscription = merge_types(
    "Subscription",
    (LiveSubscription, ScorecardsSubscription, QuotasSubscription, IncentivesSubscription, FeedSubscription),
)

for _root, _meaning in (
    (Query, "What there is to know. Start with `viewer`: who asks, and for a rep all that is its own."),
    (Mutation, "What can be done. Whatever was not done, and why, stands in `userErrors` of each payload."),
    (Subscription, "What changes, as it does. The first message is the state now; `after` goes on where one stopped."),
):
    get_object_definition(_root, strict=True).description = _meaning

schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[InvalidInput, StaleVersion, *COMPONENT_TYPES],
    config=CONFIG,
)

# Strawberry refuses two keys of a @oneOf only when it makes the value; graphql-core, told of it, says which and where.
for _type in schema._schema.type_map.values():
    if isinstance(_type, GraphQLInputObjectType):
        _type.is_one_of = _type.extensions["strawberry-definition"].is_one_of
