"""Defining KPIs and publishing scorecard templates: always a new version, never an edit."""

from dataclasses import replace
from datetime import date
from uuid import UUID

from domain.calendar import Calendar, PeriodKind
from domain.errors import Problem, Rejected
from domain.events import Change, Event
from domain.org.actions import CALENDAR_FROM, calendar, calendar_end
from domain.scorecards import rules
from domain.scorecards.catalog import add_versions
from domain.scorecards.definitions import definitions, kpi_of, template_versions_of
from domain.scorecards.model import Definition, Kpi, Line, Template
from domain.work import Tx, Work, columns
from sql.pool import uuid7
from sql.queries import queries

_scorecards = queries("scorecards")


async def kpi_define(work: Work, definition: Definition, valid_from: date | None = None) -> Kpi:
    """A KPI, or the next version of the one that has this key, for weeks that begin on `valid_from` or later.

    `valid_from` is the current week unless given. What is defined last replaces, from its week on, whatever earlier
    versions said; defining the same again changes nothing. Results from that week on are computed anew. Raises
    `Rejected` for what cannot be measured, and for another category or unit than before: a series would mix what
    cannot be compared, and a scorecard might lose a category.
    """
    async with work.transaction() as tx:
        since, problems = _effective(await calendar(tx), tx, valid_from)
        problems += rules.sound_kpi(definition)
        if problems:
            raise Rejected(*problems)
        kpi_id = await tx.value(_scorecards.kpi_lock, uuid7(), definition.key, tx.now)
        versions = [kpi_of(row) for row in await tx.fetch(_scorecards.kpi_versions_of, kpi_id)]
        last = versions[-1] if versions else None
        if last:
            fixed = [name for name in ("category", "unit") if getattr(last, name) != getattr(definition, name)]
            if fixed:
                message = f"A KPI keeps its {' and '.join(fixed)}; define another one under a key of its own."
                raise Rejected(*(Problem("FIXED", message, (name,)) for name in fixed))
        fields = {name: getattr(definition, name) for name in Definition.__slots__}
        kpi = Kpi(kpi_id=kpi_id, version=len(versions) + 1, valid_from=since, **fields)  # type: ignore[arg-type]
        if last and replace(kpi, version=last.version) == last:
            return last
        await add_versions(tx, [kpi])
        change = Change.UPDATED if last else Change.CREATED
        tx.record(Event("scorecards.kpi", change, "Kpi", str(kpi.kpi_id), data={"key": kpi.key}))
        tx.audit("kpiDefine", "Kpi", str(kpi.kpi_id), key=kpi.key, version=kpi.version, valid_from=since.isoformat())
        tx.mark(None, since, None)
        return kpi


async def template_publish(
    work: Work,
    *,
    key: str,
    name: str,
    lines: tuple[Line, ...],
    team_id: UUID | None = None,
    role: str | None = None,
    valid_from: date | None = None,
) -> Template:
    """A scorecard template, or the next version of the one that has this key, for weeks from `valid_from` on.

    For a team and those below it, for a job role, or, with neither, for everybody. `valid_from` is the current week
    unless given. Publishing the same again changes nothing. Raises `Rejected` with every reason: 3 to 5 KPIs, at least
    one of each category, each defined by then.
    """
    async with work.transaction() as tx:
        time = await calendar(tx)
        since, problems = _effective(time, tx, valid_from)
        problems += rules.sound_name(key, name)
        if team_id is not None and role is not None:
            problems.append(Problem("TEAM_OR_ROLE", "A template is for a team or for a role, not both.", ("role",)))
        if role is not None and not 0 < len(role.strip()) <= 200:
            problems.append(Problem("INVALID_NAME", "A role has 1 to 200 characters.", ("role",)))
        if team_id is not None and not await tx.value(_scorecards.team_exists, team_id):
            problems.append(Problem("NOT_FOUND", "No team has this id.", ("teamId",)))
        first = time.week(since) if time.week(since) == since else time.period(PeriodKind.WEEK, since).ends_on
        known = await definitions(tx.session)
        kpis = {line.kpi_id: kpi for line in lines if (kpi := known.kpi(line.kpi_id, first))}
        problems += rules.sound_template(lines, kpis)
        if problems:
            raise Rejected(*problems)
        template_id = await tx.value(_scorecards.template_lock, uuid7(), key, tx.now)
        stored = template_versions_of(await tx.fetch(_scorecards.template_versions_of, template_id))
        last = stored[0][-1] if stored else None
        template = Template(
            template_id=template_id,  # type: ignore[arg-type]
            key=key,
            version=last.version + 1 if last else 1,
            valid_from=since,
            name=name,
            team_id=team_id,
            role=role,
            lines=lines,
        )
        if last and replace(template, version=last.version) == last:
            return last
        await _add(tx, template)
        change = Change.UPDATED if last else Change.CREATED
        node = ("ScorecardTemplate", str(template.template_id))
        tx.record(Event("scorecards.template", change, *node, data={"key": key}))
        tx.audit("scorecardTemplatePublish", *node, key=key, version=template.version, valid_from=since.isoformat())
        tx.mark(None, since, None)
        return template


def _effective(time: Calendar, tx: Tx, valid_from: date | None) -> tuple[date, list[Problem]]:
    """The first day on which a version holds, and what is wrong with it."""
    today = time.local_day(tx.now)
    if valid_from is None:
        return time.week(today), []
    if CALENDAR_FROM <= valid_from < calendar_end(today):
        return valid_from, []
    message = f"Versions begin between {CALENDAR_FROM} and {calendar_end(today)}."
    return valid_from, [Problem("OUT_OF_RANGE", message, ("validFrom",))]


async def _add(tx: Tx, template: Template) -> None:
    await tx.execute(
        _scorecards.template_version_add,
        template.template_id,
        template.version,
        template.valid_from,
        template.name,
        template.team_id,
        template.role,
        tx.viewer.actor_id,
        tx.now,
    )
    rows = [
        (i, line.kpi_id, line.weight, line.weekly_target, line.on_track, line.at_risk)
        for i, line in enumerate(template.lines)
    ]
    await tx.execute(_scorecards.template_kpis_add, template.template_id, template.version, *columns(rows, 6))
