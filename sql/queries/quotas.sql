-- Quotas and their versions, proposals, and attainment.

-- name: subjects
-- Which of these ids are reps, teams, territories or the organisation itself.
select 'REP' as subject, rep_id as id from rep where org_id = $1 and rep_id = any($2::uuid[])
union all
select 'TEAM', team_id from team where org_id = $1 and team_id = any($2::uuid[])
union all
select 'TERRITORY', territory_id from territory where org_id = $1 and territory_id = any($2::uuid[])
union all
select 'ORGANIZATION', $1 where $1 = any($2::uuid[]);

-- name: kpi_formulas
-- The formula of each KPI on a day: of the version then in force, or of the first one.
select distinct on (w.kpi_id, w.day) w.kpi_id, w.day, v.version, v.name, v.formula
from unnest($2::uuid[], $3::date[]) as w (kpi_id, day)
join kpi_version v on v.org_id = $1 and v.kpi_id = w.kpi_id
order by w.kpi_id, w.day, v.valid_from <= w.day desc,
  case when v.valid_from <= w.day then v.version else -v.version end desc;

-- name: organization_currency
-- What money is counted in.
select currency from organization where org_id = $1;

-- name: quotas_add
-- Makes a row for each identity that has none yet; version 0 says that it has no terms yet. And one for each measure and
-- period.
with q as (
  select * from unnest($2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::uuid[], $7::text[], $8::date[], $9::date[])
    q (quota_id, subject, subject_id, measure, kpi_id, period_kind, starts_on, ends_on)
), boards as (
  insert into quota_board (org_id, measure, kpi_id, period_kind, starts_on, ends_on)
  select $1::uuid, b.* from (
    select measure, coalesce(kpi_id, '00000000-0000-0000-0000-000000000000'), period_kind, starts_on, max(ends_on) from q
    group by 1, 2, 3, 4 order by 1, 2, 3, 4) b
  on conflict (org_id, measure, kpi_id, period_kind, starts_on) do update set ends_on = excluded.ends_on
  where quota_board.ends_on < excluded.ends_on
)
insert into quota
  (org_id, quota_id, subject, subject_id, measure, kpi_id, period_kind, starts_on, ends_on, version, created_at)
select $1, q.*, 0, $10 from q
on conflict do nothing;

-- name: quotas_lock
-- The quotas of these identities with the version in force, locked in one order so that two writers never meet.
select q.quota_id, q.subject, q.subject_id, q.measure, q.kpi_id, q.period_kind, q.starts_on, q.ends_on, q.version,
  v.amount, v.currency, v.seasonality, v.proration_basis, v.pace_basis, v.ramp
from quota q
join unnest($2::text[], $3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::date[])
  as i (subject, subject_id, measure, kpi_id, period_kind, starts_on)
  on q.subject = i.subject and q.subject_id = i.subject_id and q.measure = i.measure
  and q.kpi_id is not distinct from i.kpi_id and q.period_kind = i.period_kind and q.starts_on = i.starts_on
left join quota_version v on v.org_id = q.org_id and v.quota_id = q.quota_id and v.version = q.version
where q.org_id = $1
order by q.quota_id
for update of q;

-- name: quota_versions_add
-- A change is a new version. Lists of weights come as JSON, because an array of arrays must be rectangular.
with added as (
  insert into quota_version (org_id, quota_id, version, amount, currency, seasonality, proration_basis, pace_basis, ramp,
    note, created_by, created_at)
  select $1, v.quota_id, v.version, v.amount, v.currency,
    array(select w::numeric from jsonb_array_elements_text(v.weights -> 'seasonality') w), v.proration_basis,
    v.pace_basis, array(select w::numeric from jsonb_array_elements_text(v.weights -> 'ramp') w), v.note, $10, $11
  from unnest($2::uuid[], $3::int[], $4::numeric[], $5::text[], $6::text[], $7::text[], $8::jsonb[], $9::text[])
    as v (quota_id, version, amount, currency, proration_basis, pace_basis, weights, note)
  returning quota_id, version
)
update quota q set version = added.version from added where q.org_id = $1 and q.quota_id = added.quota_id;

-- name: plan_reps
-- Who can carry a quota in a period: employed in it and, for a team, in the team or below it on a day of it.
select r.rep_id from rep r
where r.org_id = $1 and r.hired_on < $4 and (r.left_on is null or r.left_on > $3) and ($2::uuid is null or exists (
  select from assignment a
  join team_ancestor t on t.org_id = a.org_id and t.team_id = a.team_id and t.ancestor_id = $2
  where a.org_id = $1 and a.rep_id = r.rep_id and a.starts_on < $4 and (a.ends_on is null or a.ends_on > $3)))
order by r.hired_on, r.rep_id;

-- name: plan_history
-- What these reps won in a stretch of days, and the first day on which they were there in it.
select r.rep_id, greatest(r.hired_on, $3) as since, coalesce(sum(c.amount), 0) as revenue,
  coalesce(sum(c.margin), 0) as margin, coalesce(sum(c.units), 0) as units
from rep r
left join credit c on c.org_id = r.org_id and c.rep_id = r.rep_id and c.status = 'WON'
  and c.closed_day >= $3 and c.closed_day < $4
where r.org_id = $1 and r.rep_id = any($2::uuid[]) and r.hired_on < $4
group by r.rep_id, r.hired_on;

-- name: plan_add
-- A proposal.
insert into quota_plan (org_id, plan_id, name, subject, subject_id, measure, period_kind, starts_on, ends_on, status,
  method, lines, proposed_by, proposed_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'PROPOSED', $10, $11, $12, $13);

-- name: plan_lock
-- Before it is approved: two who approve wait for each other.
select plan_id, name, subject, subject_id, measure, period_kind, starts_on, ends_on, status, version, method, lines,
  proposed_by, proposed_at, approved_by, approved_at
from quota_plan where org_id = $1 and plan_id = $2 for update;

-- name: plan_approve
-- Its quotas are set in the same transaction.
update quota_plan set status = 'APPROVED', version = version + 1, approved_by = $3, approved_at = $4
where org_id = $1 and plan_id = $2;

-- name: plans_by_ids
-- Proposals by id.
select plan_id, name, subject, subject_id, measure, period_kind, starts_on, ends_on, status, version, method, lines,
  proposed_by, proposed_at, approved_by, approved_at
from quota_plan where org_id = $1 and plan_id = any($2::uuid[]);

-- name: boards_touched
-- Every measure and period for which quotas are set and that holds one of these days.
select b.measure, b.kpi_id, b.period_kind, b.starts_on, b.ends_on, b.whole
from quota_board b
where b.org_id = $1 and exists (
  select from unnest($2::date[], $3::date[]) d (from_day, through_day)
  where b.ends_on > d.from_day and (d.through_day is null or b.starts_on <= d.through_day))
order by b.measure, b.kpi_id, b.period_kind, b.starts_on;

-- name: boards_whole
-- From now on it is kept what everybody attained in them.
update quota_board b set whole = true
from unnest($2::text[], $3::uuid[], $4::text[], $5::date[]) n (measure, kpi_id, period_kind, starts_on)
where b.org_id = $1 and b.measure = n.measure and b.kpi_id = n.kpi_id and b.period_kind = n.period_kind
  and b.starts_on = n.starts_on;

-- name: boards_quotas
-- The quotas in force of these measures and periods; `position` tells of which.
select b.position, q.quota_id, q.subject, q.subject_id, q.measure, q.kpi_id, q.period_kind, q.starts_on, q.ends_on,
  q.version, v.amount, v.currency, v.seasonality, v.proration_basis, v.pace_basis, v.ramp
from unnest($2::int[], $3::text[], $4::uuid[], $5::text[], $6::date[])
  as b (position, measure, kpi_id, period_kind, starts_on)
join quota q on q.org_id = $1 and q.measure = b.measure and q.kpi_id is not distinct from b.kpi_id
  and q.period_kind = b.period_kind and q.starts_on = b.starts_on
join quota_version v on v.org_id = q.org_id and v.quota_id = q.quota_id and v.version = q.version;

-- name: tenures
-- The days of employment and leave of these reps; null is everybody.
select r.rep_id, r.name, r.hired_on, r.left_on,
  array(select l.starts_on from rep_leave l where l.org_id = r.org_id and l.rep_id = r.rep_id order by 1) as leave_from,
  array(select l.ends_on from rep_leave l where l.org_id = r.org_id and l.rep_id = r.rep_id order by l.starts_on)
    as leave_to
from rep r where r.org_id = $1 and ($2::uuid[] is null or r.rep_id = any($2::uuid[]));

-- name: stints
-- Who was in which team on days of a stretch.
select rep_id, team_id, starts_on, ends_on from assignment
where org_id = $1 and starts_on < $3 and (ends_on is null or ends_on > $2)
order by rep_id, starts_on;

-- name: trees
-- The tree of teams and that of territories.
select 'TEAM' as subject, team_id as id, parent_id, name from team where org_id = $1
union all
select 'TERRITORY', territory_id, parent_id, name from territory where org_id = $1;

-- name: credit_sums
-- What was won in each period, by rep and the team that the rep was in that day, and by territory.
select p.position, grouping(c.rep_id) = 1 as by_territory, c.rep_id, a.team_id, c.territory_id,
  sum(c.amount) as revenue, coalesce(sum(c.margin), 0) as margin, coalesce(sum(c.units), 0) as units
from unnest($2::int[], $3::date[], $4::date[]) as p (position, starts_on, ends_on)
join credit c on c.org_id = $1 and c.status = 'WON' and c.closed_day >= p.starts_on and c.closed_day < p.ends_on
left join assignment a on a.org_id = c.org_id and a.rep_id = c.rep_id and a.starts_on <= c.closed_day
  and (a.ends_on is null or a.ends_on > c.closed_day)
group by grouping sets ((p.position, c.rep_id, a.team_id), (p.position, c.territory_id));

-- name: kpi_sums
-- What a KPI that counts or sums facts came to in each period, by rep and the team that the rep was in that day. Only
-- the branch of the facts asked for is run.
with found as (
  select x.rep_id, x.day, null::uuid as territory_id, case $6 when 'MINUTES' then coalesce(x.minutes, 0) else 1 end as value
  from activity x
  where $5 = 'ACTIVITY' and x.org_id = $1 and not x.deleted and ($8::text[] = '{}' or x.kind = any($8::text[]))
    and ($9::text[] = '{}' or x.outcome = any($9::text[]))
  union all
  select l.rep_id, l.day, null, 1 from lead l
  where $5 = 'LEAD' and l.org_id = $1 and not l.deleted and ($10::text[] = '{}' or l.channel = any($10::text[]))
  union all
  select d.rep_id, case $7 when 'OPENED' then d.opened_day else d.closed_day end, d.territory_id,
    case $6 when 'AMOUNT' then d.amount * d.exchange_rate when 'MARGIN' then coalesce(d.margin, 0) * d.exchange_rate
      when 'UNITS' then coalesce(d.units, 0) else 1 end
  from deal d
  where $5 = 'DEAL' and d.org_id = $1 and not d.deleted and ($11::text[] = '{}' or d.status = any($11::text[]))
    and ($12::text[] = '{}' or d.product = any($12::text[]))
  union all
  select c.rep_id, case $7 when 'OPENED' then c.opened_day else c.closed_day end, c.territory_id,
    case $6 when 'AMOUNT' then c.amount when 'MARGIN' then coalesce(c.margin, 0)
      when 'UNITS' then coalesce(c.units, 0) else 1 end
  from credit c
  where $5 = 'CREDIT' and c.org_id = $1 and ($11::text[] = '{}' or c.status = any($11::text[]))
    and ($12::text[] = '{}' or exists (
      select from deal d where d.org_id = c.org_id and d.deal_id = c.deal_id and d.product = any($12::text[])))
)
select p.position, grouping(f.rep_id) = 1 as by_territory, f.rep_id, a.team_id, f.territory_id, sum(f.value) as value
from unnest($2::int[], $3::date[], $4::date[]) as p (position, starts_on, ends_on)
join found f on f.day >= p.starts_on and f.day < p.ends_on
left join assignment a on a.org_id = $1 and a.rep_id = f.rep_id and a.starts_on <= f.day
  and (a.ends_on is null or a.ends_on > f.day)
group by grouping sets ((p.position, f.rep_id, a.team_id), (p.position, f.territory_id));

-- name: attainments_save
-- Writes what differs and says which rows are new; what is the same keeps its time.
insert into attainment as a (org_id, subject, subject_id, measure, kpi_id, period_kind, starts_on, ends_on, quota,
  quota_source, attained, ratio, gap, expected, pace_ratio, projected, projected_ratio, required_per_workday, reason,
  calendar_version, elapsed_numerator, elapsed_denominator, workdays_left, as_of, computed_at, inputs_through)
select $1, n.*, $21, $22
from unnest($2::text[], $3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::date[], $8::date[], $9::numeric[],
  $10::text[], $11::numeric[], $12::numeric[], $13::numeric[], $14::numeric[], $15::numeric[], $16::numeric[],
  $17::numeric[], $18::numeric[], $19::text[], $20::int[], $23::numeric[], $24::numeric[], $25::int[], $26::date[]) n
on conflict (org_id, subject, subject_id, measure, kpi_id, period_kind, starts_on) do update set
  ends_on = excluded.ends_on, quota = excluded.quota, quota_source = excluded.quota_source,
  attained = excluded.attained, ratio = excluded.ratio, gap = excluded.gap, expected = excluded.expected,
  pace_ratio = excluded.pace_ratio, projected = excluded.projected, projected_ratio = excluded.projected_ratio,
  required_per_workday = excluded.required_per_workday, reason = excluded.reason,
  calendar_version = excluded.calendar_version, elapsed_numerator = excluded.elapsed_numerator,
  elapsed_denominator = excluded.elapsed_denominator, workdays_left = excluded.workdays_left, as_of = excluded.as_of,
  computed_at = excluded.computed_at, inputs_through = excluded.inputs_through
where (a.ends_on, a.quota, a.quota_source, a.attained, a.ratio, a.gap, a.expected, a.pace_ratio, a.projected,
  a.projected_ratio, a.required_per_workday, a.reason, a.calendar_version, a.elapsed_numerator, a.elapsed_denominator,
  a.workdays_left, a.as_of) is distinct from
  (excluded.ends_on, excluded.quota, excluded.quota_source, excluded.attained, excluded.ratio, excluded.gap,
  excluded.expected, excluded.pace_ratio, excluded.projected, excluded.projected_ratio,
  excluded.required_per_workday, excluded.reason, excluded.calendar_version, excluded.elapsed_numerator,
  excluded.elapsed_denominator, excluded.workdays_left, excluded.as_of)
returning subject, subject_id, measure, kpi_id, period_kind, starts_on, xmax = 0 as created;

-- name: attainments_asked
-- What is asked of these subjects, and as of which day.
select a.subject, a.subject_id, a.measure, a.kpi_id, a.period_kind, a.starts_on, a.ends_on, a.quota, a.quota_source,
  a.elapsed_numerator, a.elapsed_denominator, a.workdays_left, a.as_of
from unnest($2::text[], $3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::date[])
  k (subject, subject_id, measure, kpi_id, period_kind, starts_on)
join attainment a on a.org_id = $1 and a.subject = k.subject and a.subject_id = k.subject_id and a.measure = k.measure
  and a.kpi_id = k.kpi_id and a.period_kind = k.period_kind and a.starts_on = k.starts_on;

-- name: quotas_carried
-- What these subjects carry in periods of a measure that is no KPI; who has no quota is missing.
select k.n, a.quota
from unnest($2::int[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::date[])
  k (n, subject, subject_id, measure, period_kind, starts_on)
join attainment a on a.org_id = $1 and a.subject = k.subject and a.subject_id = k.subject_id and a.measure = k.measure
  and a.kpi_id = '00000000-0000-0000-0000-000000000000' and a.period_kind = k.period_kind and a.starts_on = k.starts_on
where a.quota is not null;

-- name: attainments_remove
-- Those who have neither a quota nor anything attained any more.
delete from attainment a
using unnest($2::text[], $3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::date[])
  k (subject, subject_id, measure, kpi_id, period_kind, starts_on)
where a.org_id = $1 and a.subject = k.subject and a.subject_id = k.subject_id and a.measure = k.measure
  and a.kpi_id = k.kpi_id and a.period_kind = k.period_kind and a.starts_on = k.starts_on
returning a.subject, a.subject_id, a.measure, a.kpi_id, a.period_kind, a.starts_on;

-- name: attainments_prune
-- Of the periods computed, the rows of subjects that have neither a quota nor anything attained any more. Of reps only
-- those who were computed; null is all.
delete from attainment a
using unnest($2::text[], $3::uuid[], $4::text[], $5::date[]) as b (measure, kpi_id, period_kind, starts_on)
where a.org_id = $1 and a.measure = b.measure and a.kpi_id = b.kpi_id and a.period_kind = b.period_kind
  and a.starts_on = b.starts_on and (a.subject <> 'REP' or $12::uuid[] is null or a.subject_id = any($12::uuid[]))
  and not exists (
    select from unnest($6::text[], $7::uuid[], $8::text[], $9::uuid[], $10::text[], $11::date[])
      as k (subject, subject_id, measure, kpi_id, period_kind, starts_on)
    where k.subject = a.subject and k.subject_id = a.subject_id and k.measure = a.measure and k.kpi_id = a.kpi_id
      and k.period_kind = a.period_kind and k.starts_on = a.starts_on)
returning a.subject, a.subject_id, a.measure, a.kpi_id, a.period_kind, a.starts_on;

-- name: credits_won
-- The deals behind what some reps and some territories attained in a stretch of days.
select c.deal_id, c.rep_id, c.territory_id, d.name, c.closed_day, c.amount as revenue, coalesce(c.margin, 0) as margin,
  coalesce(c.units, 0) as units
from credit c join deal d on d.org_id = c.org_id and d.deal_id = c.deal_id
where c.org_id = $1 and c.status = 'WON' and c.closed_day >= $2 and c.closed_day < $3
  and (c.rep_id = any($4::uuid[]) or c.territory_id = any($5::uuid[]))
order by c.closed_day, c.deal_id, c.rep_id;

-- name: plans_page
-- Proposals from the latest on, for those who see everybody ($2).
select plan_id, name, subject, subject_id, measure, period_kind, starts_on, ends_on, status, version, method, lines,
  proposed_by, proposed_at, approved_by, approved_at
from quota_plan
where org_id = $1 and $2 and ($3::text is null or status = $3) and ($4::uuid is null or plan_id < $4)
order by plan_id desc limit $5;

-- name: plans_count
-- How many there are.
select count(*) from quota_plan where org_id = $1 and $2 and ($3::text is null or status = $3);
