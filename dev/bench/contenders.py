"""Who is measured by `attain bench api`, how each is asked the three questions, and how each one's answer is read.

- Q1: one rep, 8 scalars.
- Q2: 50 reps, each with its team, quota and the values and targets of its latest KPIs.
- Q3: the top 20 by attainment, each with rep and team.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import orjson

QUESTIONS = ("Q1", "Q2", "Q3")
_SCALARS = "externalId name email title role hiredOn leftOn version"
_PAGES = 40


@dataclass(frozen=True, slots=True)
class Ask:
    """What all contenders are asked about."""

    reps: Sequence[str]
    """External ids, of Q1."""
    names: Sequence[str]
    """Of all reps in order; a page of Q2 comes after one of them."""
    period: str
    """A quarter, "2026-Q4"."""


@dataclass(frozen=True, slots=True)
class Contender:
    """`cursors` is a document that tells the cursors of the first reps in order, where a name does not do."""

    name: str
    documents: Mapping[str, str]
    variables: Callable[[str, Ask, Sequence[str]], list[dict[str, object]]]
    read: Callable[[str, Any], list[object]]
    path: str = "/graphql"
    cursors: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def bodies(self, question: str, ask: Ask, cursors: Sequence[str]) -> list[bytes]:
        """The requests of a question, all of them different where it has variables."""
        document = self.documents[question]
        return [
            orjson.dumps({"query": document, "operationName": question, "variables": variables})
            for variables in self.variables(question, ask, cursors)
        ]


def _decimal(text: object) -> Decimal | None:
    return None if text is None else Decimal(str(text))


def _rep(node: Mapping[str, Any]) -> list[object]:
    return [node[name] for name in _SCALARS.split()]


# Attain, as anybody asks it.

_ATTAIN = {
    "Q1": f"query Q1($id: String!) {{ rep(externalId: $id) {{ {_SCALARS} }} }}",
    "Q2": """query Q2($period: PeriodInput!, $after: String) { reps(first: 50, after: $after) { nodes {
      externalId name title team { name } quotas(period: $period) { amount }
      scorecard { results { kpi { key } value target } } } } }""",
    "Q3": """query Q3($period: PeriodInput!) { attainment(period: $period, groupBy: REP, first: 20) { nodes {
      rep { externalId name team { name } } quota attained ratio } } }""",
}


def _ask_attain(question: str, ask: Ask, cursors: Sequence[str]) -> list[dict[str, object]]:
    period = {"quarter": ask.period}
    match question:
        case "Q1":
            return [{"id": rep} for rep in ask.reps]
        case "Q2":
            return [{"period": period, "after": cursor} for cursor in cursors]
    return [{"period": period}]


def _read_attain(question: str, data: Any) -> list[object]:
    match question:
        case "Q1":
            return _rep(data["rep"])
        case "Q2":
            return [
                _q2(
                    rep,
                    [quota["amount"] for quota in rep["quotas"]],
                    [
                        (line["kpi"]["key"], line["value"], line["target"])
                        for line in (rep["scorecard"] or {"results": ()})["results"]
                    ],
                )
                for rep in data["reps"]["nodes"]
            ]
    return [_q3(node, node["rep"], node["rep"]["team"]) for node in data["attainment"]["nodes"]]


def _q2(rep: Mapping[str, Any], amounts: Sequence[object], kpis: Sequence[tuple[object, ...]]) -> object:
    team = rep.get("team") or rep.get("teamByTeamId")
    return (
        *(rep["externalId"], rep["name"], rep["title"], team and team["name"]),
        [_decimal(amount) for amount in amounts],
        [(key, _decimal(value), _decimal(target)) for key, value, target in kpis],
    )


def _q3(row: Mapping[str, Any], rep: Mapping[str, Any], team: Mapping[str, Any] | None) -> object:
    numbers = [_decimal(row[name]) for name in ("quota", "attained", "ratio")]
    return rep["externalId"], rep["name"], team and team["name"], numbers


def attain(name: str, token: str) -> Contender:
    """Attain's public schema, with everything on."""
    return Contender(
        name,
        _ATTAIN,
        _ask_attain,
        _read_attain,
        cursors=f"{{ reps(first: {_PAGES}) {{ edges {{ cursor }} }} }}",
        headers={"Authorization": f"Bearer {token}"},
    )


# Those that we wrote the schema of: Strawberry, mercurius, the floor.

_OURS = {
    "Q1": f"query Q1($id: String!) {{ rep(externalId: $id) {{ {_SCALARS} }} }}",
    "Q2": """query Q2($period: String!, $after: String!) { reps(first: 50, after: $after) {
      externalId name title team { name } quota(period: $period) { amount } kpis { kpi value target } } }""",
    "Q3": """query Q3($period: String!) { attainment(period: $period, first: 20) {
      rep { externalId name team { name } } quota attained ratio } }""",
}


def _ask_ours(question: str, ask: Ask, _cursors: Sequence[str]) -> list[dict[str, object]]:
    match question:
        case "Q1":
            return [{"id": rep} for rep in ask.reps]
        case "Q2":
            return [{"period": ask.period, "after": name} for name in ask.names[:_PAGES]]
    return [{"period": ask.period}]


def _read_ours(question: str, data: Any) -> list[object]:
    match question:
        case "Q1":
            return _rep(data["rep"])
        case "Q2":
            return [
                _q2(
                    rep,
                    [rep["quota"]["amount"]] if rep["quota"] else [],
                    [(one["kpi"], one["value"], one["target"]) for one in rep["kpis"] or ()],
                )
                for rep in data["reps"]
            ]
    return [_q3(row, row["rep"], row["rep"]["team"]) for row in data["attainment"]]


def ours(name: str, path: str = "/graphql") -> Contender:
    """A peer whose schema is the one above."""
    return Contender(name, _OURS, _ask_ours, _read_ours, path)


# PostGraphile, which makes its schema from the tables.

_POSTGRAPHILE = {
    "Q1": f"query Q1($id: String!) {{ repByExternalId(externalId: $id) {{ {_SCALARS} }} }}",
    "Q2": """query Q2($period: String!, $after: Cursor!) {
      allReps(first: 50, after: $after, orderBy: NAME_ASC) { nodes {
      externalId name title teamByTeamId { name } quotasByRepId(condition: {period: $period}) { nodes { amount } }
      kpiValuesByRepId { nodes { kpi value target } } } } }""",
    "Q3": """query Q3($period: String!) {
      allAttainments(condition: {period: $period}, orderBy: RATIO_DESC, first: 20) { nodes {
      repByRepId { externalId name teamByTeamId { name } } quota attained ratio } } }""",
}


def _ask_postgraphile(question: str, ask: Ask, cursors: Sequence[str]) -> list[dict[str, object]]:
    if question == "Q2":
        return [{"period": ask.period, "after": cursor} for cursor in cursors]
    return _ask_ours(question, ask, cursors)


def _read_postgraphile(question: str, data: Any) -> list[object]:
    match question:
        case "Q1":
            return _rep(data["repByExternalId"])
        case "Q2":
            return [
                _q2(
                    rep,
                    [quota["amount"] for quota in rep["quotasByRepId"]["nodes"]],
                    [(one["kpi"], one["value"], one["target"]) for one in rep["kpiValuesByRepId"]["nodes"]],
                )
                for rep in data["allReps"]["nodes"]
            ]
    return [_q3(row, row["repByRepId"], row["repByRepId"]["teamByTeamId"]) for row in data["allAttainments"]["nodes"]]


def postgraphile(name: str) -> Contender:
    """PostGraphile 5."""
    return Contender(
        name,
        _POSTGRAPHILE,
        _ask_postgraphile,
        _read_postgraphile,
        cursors=f"{{ allReps(first: {_PAGES}, orderBy: NAME_ASC) {{ edges {{ cursor }} }} }}",
    )
