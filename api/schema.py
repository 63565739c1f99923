"""Assembles the graph from its areas."""

import strawberry
from strawberry.tools import merge_types

from api.errors import InvalidInput, StaleVersion
from api.relay import NodeQuery
from api.scalars import CONFIG

Query = merge_types("Query", (NodeQuery,))

schema = strawberry.Schema(query=Query, types=[InvalidInput, StaleVersion], config=CONFIG)
