-- KPIs, scorecard templates, what facts measure, and the results.

-- name: activities_measured
-- What each leaf over activities comes to for each subject and stretch of days. Day by day where the leaf is daily, and
-- for a median each number with how often it is there; with $9, the facts themselves. Each bound of the days stands
-- alone: `greatest` of two would not reach the index. `offset 0` has the facts looked up for each stretch by all bounds;
-- joined, a rep's whole past was read for each of its weeks.
with due as (
  select * from unnest($3::int[], $4::int[], $5::text[], $6::uuid[], $7::date[], $8::date[])
    d (n, leaf, subject, subject_id, since, until)
), leaf as (
  select * from jsonb_to_recordset($2::jsonb) l (leaf int, field text, median bool, daily bool, kinds text[], outcomes text[])
)
select due.n, case when leaf.daily then f.day end as day, case when leaf.median then f.x end as x,
  count(*)::int as sample, sum(f.x) as total,
  jsonb_agg(jsonb_build_array(f.id, f.label, f.x::text)) filter (where $9::bool) as facts
from due
join leaf using (leaf)
join subject_rep m on m.org_id = $1 and m.subject = due.subject and m.subject_id = due.subject_id
  and m.starts_on < due.until and m.ends_on > due.since
cross join lateral (
  select a.activity_id as id, case when $9 then a.kind || ' on ' || a.day end as label, a.day,
    case when leaf.field = 'MINUTES' then a.minutes else 1 end::numeric as x
  from activity a
  where a.org_id = $1 and a.rep_id = m.rep_id and not a.deleted
    and a.day >= due.since and a.day < due.until and a.day >= m.starts_on and a.day < m.ends_on
    and (leaf.kinds is null or a.kind = any(leaf.kinds))
    and (leaf.outcomes is null or a.outcome = any(leaf.outcomes))
  offset 0
) f
where f.x is not null
group by 1, 2, 3;

-- name: leads_measured
-- The same over leads, which count on the day of their arrival. SLA is 1 for a clock that was stopped in time and 0 for
-- one that ran out (rule 15); what is open and not yet due at $10 is left out. A `case` where one would write `coalesce`:
-- under row-level security Postgres takes `coalesce` for leaky and would not look the day up in the index.
with due as (
  select * from unnest($3::int[], $4::int[], $5::text[], $6::uuid[], $7::date[], $8::date[])
    d (n, leaf, subject, subject_id, since, until)
), leaf as (
  select * from jsonb_to_recordset($2::jsonb)
    l (leaf int, field text, until_event text, within_seconds bigint, median bool, daily bool, channels text[])
)
select due.n, case when leaf.daily then f.day end as day, case when leaf.median then f.x end as x,
  count(*)::int as sample, sum(f.x) as total,
  jsonb_agg(jsonb_build_array(f.id, f.label, f.x::text)) filter (where $9::bool) as facts
from due
join leaf using (leaf)
join subject_rep m on m.org_id = $1 and m.subject = due.subject and m.subject_id = due.subject_id
  and m.starts_on < due.until and m.ends_on > due.since
cross join lateral (
  select l.lead_id as id, coalesce(l.company, l.external_id) || ' on ' || l.day as label, l.day,
    case
      when leaf.field = 'COUNT' then 1
      when leaf.field in ('RESPONSE_MINUTES', 'QUOTE_MINUTES') then taken.seconds::numeric / 60
      when taken.seconds > leaf.within_seconds then 0
      when stop.stopped_at is not null then 1
    end::numeric as x
  from lead l
  cross join lateral (
    select case when leaf.until_event = 'QUOTE' then l.quoted_at else l.first_response_at end as stopped_at
  ) stop
  left join lateral (
    select greatest(0, e.seconds - s.seconds) as seconds
    from business_seconds($1, case when leaf.field <> 'COUNT' then l.arrived_at end) s,
      business_seconds($1, case when leaf.field = 'SLA' and stop.stopped_at is null then $10 else stop.stopped_at end) e
  ) taken on true
  where l.org_id = $1 and l.rep_id = m.rep_id and not l.deleted
    and l.day >= due.since and l.day < due.until and l.day >= m.starts_on and l.day < m.ends_on
    and (leaf.channels is null or l.channel = any(leaf.channels))
  offset 0
) f
where f.x is not null
group by 1, 2, 3;

-- name: deals_measured
-- The same over deals of their owner: closed or opened in the days, or open at the end of the last one.
with due as (
  select * from unnest($3::int[], $4::int[], $5::text[], $6::uuid[], $7::date[], $8::date[])
    d (n, leaf, subject, subject_id, since, until)
), leaf as (
  select * from jsonb_to_recordset($2::jsonb)
    l (leaf int, field text, dated text, median bool, daily bool, statuses text[], products text[])
)
select due.n, case when leaf.daily then f.day end as day, case when leaf.median then f.x end as x,
  count(*)::int as sample, sum(f.x) as total,
  jsonb_agg(jsonb_build_array(f.id, f.label, f.x::text)) filter (where $9::bool) as facts
from due
join leaf using (leaf)
join subject_rep m on m.org_id = $1 and m.subject = due.subject and m.subject_id = due.subject_id
  and m.starts_on < due.until and m.ends_on > due.since
cross join lateral (
  select deal_id, name, status, product, amount, margin, units, exchange_rate, opened_day, closed_day from deal d
  where leaf.dated = 'CLOSED' and d.org_id = $1 and d.rep_id = m.rep_id and not d.deleted
    and d.closed_day >= due.since and d.closed_day < due.until and d.closed_day >= m.starts_on and d.closed_day < m.ends_on
  union all
  select deal_id, name, status, product, amount, margin, units, exchange_rate, opened_day, closed_day from deal d
  where leaf.dated = 'OPENED' and d.org_id = $1 and d.rep_id = m.rep_id and not d.deleted
    and d.opened_day >= due.since and d.opened_day < due.until and d.opened_day >= m.starts_on and d.opened_day < m.ends_on
  union all
  select deal_id, name, status, product, amount, margin, units, exchange_rate, opened_day, closed_day from deal d
  where leaf.dated = 'OPEN' and due.until > m.starts_on and due.until <= m.ends_on
    and d.org_id = $1 and d.rep_id = m.rep_id and not d.deleted
    and d.opened_day < due.until and (d.closed_day is null or d.closed_day >= due.until)
  offset 0
) d
cross join lateral (
  select d.deal_id as id, d.name as label, case leaf.dated when 'CLOSED' then d.closed_day else d.opened_day end as day,
    case leaf.field
      when 'COUNT' then 1
      when 'AMOUNT' then d.amount * d.exchange_rate
      when 'MARGIN' then d.margin * d.exchange_rate
      when 'UNITS' then d.units
      when 'CYCLE_DAYS' then d.closed_day - d.opened_day
    end::numeric as x
) f
where f.x is not null
  and (leaf.statuses is null or d.status = any(leaf.statuses))
  and (leaf.products is null or d.product = any(leaf.products))
group by 1, 2, 3;

-- name: credits_measured
-- The same over credits: a rep's parts of deals, in the organisation's currency.
with due as (
  select * from unnest($3::int[], $4::int[], $5::text[], $6::uuid[], $7::date[], $8::date[])
    d (n, leaf, subject, subject_id, since, until)
), leaf as (
  select * from jsonb_to_recordset($2::jsonb)
    l (leaf int, field text, dated text, median bool, daily bool, statuses text[], products text[])
)
select due.n, case when leaf.daily then f.day end as day, case when leaf.median then f.x end as x,
  count(*)::int as sample, sum(f.x) as total,
  jsonb_agg(jsonb_build_array(f.id, f.label, f.x::text)) filter (where $9::bool) as facts
from due
join leaf using (leaf)
join subject_rep m on m.org_id = $1 and m.subject = due.subject and m.subject_id = due.subject_id
  and m.starts_on < due.until and m.ends_on > due.since
cross join lateral (
  select deal_id, status, amount, margin, units, opened_day, closed_day from credit c
  where leaf.dated = 'CLOSED' and c.org_id = $1 and c.rep_id = m.rep_id
    and c.closed_day >= due.since and c.closed_day < due.until and c.closed_day >= m.starts_on and c.closed_day < m.ends_on
  union all
  select deal_id, status, amount, margin, units, opened_day, closed_day from credit c
  where leaf.dated = 'OPENED' and c.org_id = $1 and c.rep_id = m.rep_id
    and c.opened_day >= due.since and c.opened_day < due.until and c.opened_day >= m.starts_on and c.opened_day < m.ends_on
  union all
  select deal_id, status, amount, margin, units, opened_day, closed_day from credit c
  where leaf.dated = 'OPEN' and due.until > m.starts_on and due.until <= m.ends_on
    and c.org_id = $1 and c.rep_id = m.rep_id
    and c.opened_day < due.until and (c.closed_day is null or c.closed_day >= due.until)
  offset 0
) c
left join lateral (
  select name, product from deal
  where org_id = $1 and deal_id = c.deal_id and ($9::bool or leaf.products is not null)
  offset 0
) d on true
cross join lateral (
  select c.deal_id as id, d.name as label, case leaf.dated when 'CLOSED' then c.closed_day else c.opened_day end as day,
    case leaf.field when 'COUNT' then 1 when 'AMOUNT' then c.amount when 'MARGIN' then c.margin when 'UNITS' then c.units
    end::numeric as x
) f
where f.x is not null
  and (leaf.statuses is null or c.status = any(leaf.statuses))
  and (leaf.products is null or d.product = any(leaf.products))
group by 1, 2, 3;

-- name: standing
-- What a recompute stands on. How many versions of definitions there are; the earliest instant of any fact, in whose week
-- scorecards begin; the weeks of which everybody's were computed; the measures that are kept added up.
select
  (select count(*) from kpi_version where org_id = $1)
    + (select count(*) from scorecard_template_version where org_id = $1) as versions,
  least(
    (select min(occurred_at) from activity where org_id = $1 and not deleted),
    (select min(arrived_at) from lead where org_id = $1 and not deleted),
    (select min(opened_at) from deal where org_id = $1 and not deleted)
  ) as facts_begin,
  (select first_week from scorecard_span where org_id = $1), (select last_week from scorecard_span where org_id = $1),
  array(select operand_id from operand where org_id = $1) as operands;

-- name: leads_overdue
-- Leads whose SLA clock ran out, unanswered, after $2 and up to $3; $4 the events that stop it, $5 the seconds allowed.
select distinct l.rep_id, l.day
from unnest($4::text[], $5::bigint[]) s (until_event, within_seconds)
join lead l on l.org_id = $1 and not l.deleted and l.arrived_at >= $2::timestamptz - interval '180 days' and l.arrived_at <= $3
  and (case when s.until_event = 'QUOTE' then l.quoted_at else l.first_response_at end) is null
cross join lateral business_seconds($1, l.arrived_at) arrived
cross join lateral business_seconds($1, $2) earlier
cross join lateral business_seconds($1, $3) later
where earlier.seconds - arrived.seconds <= s.within_seconds and later.seconds - arrived.seconds > s.within_seconds;

-- name: kpi_versions
-- All versions of all KPIs.
select v.kpi_id, k.key, v.version, v.valid_from, v.name, v.description, v.category, v.unit, v.direction, v.is_leading,
  v.prorated, v.window_weeks, v.formula
from kpi_version v
join kpi k on k.org_id = v.org_id and k.kpi_id = v.kpi_id
where v.org_id = $1
order by k.key, v.version;

-- name: template_versions
-- All versions of all scorecard templates, each with its KPIs in their order.
select t.template_id, s.key, t.version, t.valid_from, t.name, t.team_id, t.role, l.kpi_id, l.weight, l.weekly_target,
  l.on_track, l.at_risk
from scorecard_template_version t
join scorecard_template s on s.org_id = t.org_id and s.template_id = t.template_id
join scorecard_template_kpi l on l.org_id = t.org_id and l.template_id = t.template_id and l.version = t.version
where t.org_id = $1
order by s.key, t.version, l.position;

-- name: kpi_lock
-- Makes the identity of a KPI, or finds it; either way its row is locked, so that versions are given out one by one.
insert into kpi (org_id, kpi_id, key, created_at) values ($1, $2, $3, $4)
on conflict (org_id, key) do update set key = excluded.key
returning kpi_id;

-- name: kpis_add
-- The identities of the built-in KPIs, once.
insert into kpi (org_id, kpi_id, key, created_at)
select $1, k.*, $4 from unnest($2::uuid[], $3::text[]) k
on conflict do nothing
returning kpi_id;

-- name: kpi_versions_add
-- A definition is a new version; none is ever edited.
insert into kpi_version (org_id, kpi_id, version, valid_from, name, description, category, unit, direction, is_leading,
  prorated, window_weeks, formula, created_by, created_at)
select $1, v.*, $14, $15
from unnest($2::uuid[], $3::int[], $4::date[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bool[],
  $11::bool[], $12::int[], $13::jsonb[]) v;

-- name: kpi_versions_of
-- The versions of one KPI.
select v.kpi_id, k.key, v.version, v.valid_from, v.name, v.description, v.category, v.unit, v.direction, v.is_leading,
  v.prorated, v.window_weeks, v.formula
from kpi_version v
join kpi k on k.org_id = v.org_id and k.kpi_id = v.kpi_id
where v.org_id = $1 and v.kpi_id = $2
order by v.version;

-- name: template_lock
-- Makes the identity of a template, or finds it, and locks its row.
insert into scorecard_template (org_id, template_id, key, created_at) values ($1, $2, $3, $4)
on conflict (org_id, key) do update set key = excluded.key
returning template_id;

-- name: template_versions_of
-- The versions of one template, each with its KPIs in their order.
select t.template_id, s.key, t.version, t.valid_from, t.name, t.team_id, t.role, l.kpi_id, l.weight, l.weekly_target,
  l.on_track, l.at_risk
from scorecard_template_version t
join scorecard_template s on s.org_id = t.org_id and s.template_id = t.template_id
join scorecard_template_kpi l on l.org_id = t.org_id and l.template_id = t.template_id and l.version = t.version
where t.org_id = $1 and t.template_id = $2
order by t.version, l.position;

-- name: template_version_add
-- A publication is a new version.
insert into scorecard_template_version (org_id, template_id, version, valid_from, name, team_id, role, created_by,
  created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: template_kpis_add
-- The KPIs of a version.
insert into scorecard_template_kpi (org_id, template_id, version, position, kpi_id, weight, weekly_target, on_track,
  at_risk)
select $1, $2, $3, l.* from unnest($4::int[], $5::uuid[], $6::numeric[], $7::numeric[], $8::numeric[], $9::numeric[]) l;

-- name: team_exists
-- Whether a template can be for it.
select exists (select from team where org_id = $1 and team_id = $2);

-- name: roster_reps
-- Who sells, with the days on which they are there: these reps; null is everybody, here and below.
select rep_id, role, hired_on, left_on from rep where org_id = $1 and ($2::uuid[] is null or rep_id = any($2::uuid[]))
order by rep_id;

-- name: places
-- The teams that these reps were in, and when; each with itself and those above it, nearest first.
select a.rep_id, a.team_id, a.starts_on, a.ends_on, array(
  select t.ancestor_id from team_ancestor t where t.org_id = $1 and t.team_id = a.team_id order by t.depth) as above
from assignment a where a.org_id = $1 and a.rep_id = any($2::uuid[]) order by a.rep_id, a.starts_on;

-- name: roster_assignments
-- Who was in which team when.
select rep_id, team_id, starts_on, ends_on from assignment
where org_id = $1 and ($2::uuid[] is null or rep_id = any($2::uuid[])) order by rep_id, starts_on;

-- name: roster_leave
-- Who was away when.
select rep_id, starts_on, ends_on from rep_leave
where org_id = $1 and ($2::uuid[] is null or rep_id = any($2::uuid[])) order by rep_id, starts_on;

-- name: roster_teams
-- The teams that they were in, each with those above it, nearest first.
select team_id, ancestor_id from team_ancestor
where org_id = $1 and ($2::uuid[] is null or team_id in (
  select team_id from assignment where org_id = $1 and rep_id = any($2::uuid[])))
order by team_id, depth;

-- name: span_save
-- The weeks of which everybody's scorecards were computed.
insert into scorecard_span (org_id, first_week, last_week) values ($1, $2, $3)
on conflict (org_id) do update set first_week = excluded.first_week, last_week = excluded.last_week;

-- name: span_remove
-- There is no fact, and no week, any more.
delete from scorecard_span where org_id = $1;

-- name: scorecards_of_no_week
-- Scorecards since a day whose week is none of these.
select subject, subject_id, week from scorecard where org_id = $1 and week >= $2 and week <> all($3::date[])
order by week, subject, subject_id;

-- name: stored
-- What is stored for these weeks of these subjects, with a row for each KPI.
select s.subject, s.subject_id, s.week, s.template_id, s.template_version, s.calendar_version, s.workdays,
  s.workdays_available, s.score, s.status, r.kpi_id, r.kpi_version, r.position, r.weight, r.value, r.numerator,
  r.denominator, r.sample, r.target, r.ratio, r.gap, r.status as result_status, r.trend
from unnest($2::text[], $3::uuid[], $4::date[]) d (subject, subject_id, week)
join scorecard s on s.org_id = $1 and s.subject = d.subject and s.subject_id = d.subject_id and s.week = d.week
left join kpi_result r on r.org_id = $1 and r.subject = d.subject and r.subject_id = d.subject_id and r.week = d.week
order by s.subject, s.subject_id, s.week, r.position;

-- name: values_stored
-- What trends of these KPIs are measured against, in stretches of weeks. `offset 0` keeps the KPIs out of the search of the index,
-- where a list after a stretch costs more than to read the others, too.
select d.subject, d.subject_id, r.week, r.kpi_id, r.value
from unnest($2::text[], $3::uuid[], $4::date[], $5::date[]) d (subject, subject_id, since, until)
cross join lateral (
  select r.week, r.kpi_id, r.value from kpi_result r
  where r.org_id = $1 and r.subject = d.subject and r.subject_id = d.subject_id and r.week >= d.since and r.week < d.until
  offset 0
) r
where r.kpi_id = any($6::uuid[]);

-- name: scorecards_remove
-- Weeks that are nobody's any more, with their KPIs.
with gone as (
  delete from scorecard s using unnest($2::text[], $3::uuid[], $4::date[]) d (subject, subject_id, week)
  where s.org_id = $1 and s.subject = d.subject and s.subject_id = d.subject_id and s.week = d.week
)
delete from kpi_result r using unnest($2::text[], $3::uuid[], $4::date[]) d (subject, subject_id, week)
where r.org_id = $1 and r.subject = d.subject and r.subject_id = d.subject_id and r.week = d.week;

-- name: scorecards_save
-- What is new or differs.
insert into scorecard (org_id, subject, subject_id, week, template_id, template_version, calendar_version, workdays,
  workdays_available, score, status, computed_at, inputs_through)
select $1, s.*, $12, $13
from unnest($2::text[], $3::uuid[], $4::date[], $5::uuid[], $6::int[], $7::int[], $8::int[], $9::int[], $10::numeric[],
  $11::text[]) s
on conflict (org_id, subject, subject_id, week) do update set template_id = excluded.template_id,
  template_version = excluded.template_version, calendar_version = excluded.calendar_version,
  workdays = excluded.workdays, workdays_available = excluded.workdays_available, score = excluded.score,
  status = excluded.status, computed_at = excluded.computed_at, inputs_through = excluded.inputs_through;

-- name: results_remove
-- KPIs that left a scorecard.
delete from kpi_result r using unnest($2::text[], $3::uuid[], $4::date[], $5::uuid[]) d (subject, subject_id, week, kpi_id)
where r.org_id = $1 and r.subject = d.subject and r.subject_id = d.subject_id and r.week = d.week and r.kpi_id = d.kpi_id;

-- name: results_save
-- What is new or differs.
insert into kpi_result (org_id, subject, subject_id, week, kpi_id, kpi_version, position, weight, value, numerator,
  denominator, sample, target, ratio, gap, status, trend, computed_at, inputs_through)
select $1, r.*, $18, $19
from unnest($2::text[], $3::uuid[], $4::date[], $5::uuid[], $6::int[], $7::int[], $8::numeric[], $9::numeric[],
  $10::numeric[], $11::numeric[], $12::int[], $13::numeric[], $14::numeric[], $15::numeric[], $16::text[],
  $17::numeric[]) r
on conflict (org_id, subject, subject_id, week, kpi_id) do update set kpi_version = excluded.kpi_version,
  position = excluded.position, weight = excluded.weight, value = excluded.value, numerator = excluded.numerator,
  denominator = excluded.denominator, sample = excluded.sample, target = excluded.target, ratio = excluded.ratio,
  gap = excluded.gap, status = excluded.status, trend = excluded.trend, computed_at = excluded.computed_at,
  inputs_through = excluded.inputs_through;
