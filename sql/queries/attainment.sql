-- What the graph reads of quotas, attainment and leaderboards. Sight comes as two arrays, visible reps and visible teams;
-- null sees all, and only who sees all sees territories and the organisation.

-- name: by_keys
-- Attainments by their keys, whoever asks.
select a.subject, a.subject_id, a.measure, a.kpi_id, a.period_kind, a.starts_on, a.ends_on, a.quota, a.quota_source,
  a.attained, a.ratio, a.gap, a.expected, a.pace_ratio, a.projected, a.projected_ratio, a.required_per_workday, a.reason,
  a.calendar_version, a.computed_at, a.inputs_through, case when a.measure in ('REVENUE', 'MARGIN') then o.currency end
    as currency
from unnest($2::text[], $3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::date[])
  as k (subject, subject_id, measure, kpi_id, period_kind, starts_on)
join attainment a on a.org_id = $1 and a.subject = k.subject and a.subject_id = k.subject_id and a.measure = k.measure
  and a.kpi_id = k.kpi_id and a.period_kind = k.period_kind and a.starts_on = k.starts_on
join organization o on o.org_id = a.org_id;

-- name: page
-- One kind of subjects of a measure and period, the highest ratio first and those without one last.
select a.subject, a.subject_id, a.measure, a.kpi_id, a.period_kind, a.starts_on, a.ends_on, a.quota, a.quota_source,
  a.attained, a.ratio, a.gap, a.expected, a.pace_ratio, a.projected, a.projected_ratio, a.required_per_workday, a.reason,
  a.calendar_version, a.computed_at, a.inputs_through, case when a.measure in ('REVENUE', 'MARGIN') then o.currency end
    as currency
from attainment a join organization o on o.org_id = a.org_id
where a.org_id = $1 and a.measure = $2 and a.kpi_id = $3 and a.period_kind = $4 and a.starts_on = $5 and a.subject = $6
  and ($7::uuid[] is null or a.subject_id = any($7::uuid[])) and ($8::uuid[] is null or a.subject_id = any($8::uuid[]))
  and ($10::uuid is null
    or (a.ratio is not null and ($9::numeric is null or a.ratio < $9 or (a.ratio = $9 and a.subject_id > $10))
      and $9::numeric is not null)
    or (a.ratio is null and ($9::numeric is not null or a.subject_id > $10)))
order by a.ratio desc nulls last, a.subject_id limit $11;

-- name: page_count
-- Length of the whole list.
select count(*) from attainment a
where a.org_id = $1 and a.measure = $2 and a.kpi_id = $3 and a.period_kind = $4 and a.starts_on = $5 and a.subject = $6
  and ($7::uuid[] is null or a.subject_id = any($7::uuid[])) and ($8::uuid[] is null or a.subject_id = any($8::uuid[]));

-- name: members
-- The reps who on a day are in a team or below it.
select a.rep_id from team_ancestor t
join assignment a on a.org_id = t.org_id and a.team_id = t.team_id and a.starts_on <= $3
  and (a.ends_on is null or a.ends_on > $3)
where t.org_id = $1 and t.ancestor_id = $2;

-- name: teams_below
-- A team and those below it.
select team_id from team_ancestor where org_id = $1 and ancestor_id = $2;

-- name: quotas_page
-- Quotas with the version in force, the latest period first.
select q.quota_id, q.subject, q.subject_id, q.measure, q.kpi_id, q.period_kind, q.starts_on, q.ends_on, q.version,
  q.created_at, v.amount, v.currency, v.seasonality, v.proration_basis, v.pace_basis, v.ramp, v.note,
  v.created_at as changed_at
from quota q join quota_version v on v.org_id = q.org_id and v.quota_id = q.quota_id and v.version = q.version
where q.org_id = $1
  and ($2::uuid[] is null or (q.subject = 'REP' and q.subject_id = any($2::uuid[]))
    or (q.subject = 'TEAM' and q.subject_id = any($3::uuid[])))
  and ($4::text[] is null or q.subject = any($4::text[])) and ($5::uuid[] is null or q.subject_id = any($5::uuid[]))
  and ($6::text is null or q.measure = $6) and ($7::uuid is null or q.kpi_id = $7)
  and ($8::text is null or q.period_kind = $8) and ($9::date is null or q.ends_on > $9)
  and ($10::date is null or q.starts_on < $10)
  and ($12::uuid is null or q.starts_on < $11 or (q.starts_on = $11 and q.quota_id > $12))
order by q.starts_on desc, q.quota_id limit $13;

-- name: quotas_count
-- Length of the whole list.
select count(*) from quota q
where q.org_id = $1
  and ($2::uuid[] is null or (q.subject = 'REP' and q.subject_id = any($2::uuid[]))
    or (q.subject = 'TEAM' and q.subject_id = any($3::uuid[])))
  and ($4::text[] is null or q.subject = any($4::text[])) and ($5::uuid[] is null or q.subject_id = any($5::uuid[]))
  and ($6::text is null or q.measure = $6) and ($7::uuid is null or q.kpi_id = $7)
  and ($8::text is null or q.period_kind = $8) and ($9::date is null or q.ends_on > $9)
  and ($10::date is null or q.starts_on < $10);

-- name: quotas_by_ids
-- Quotas by id, as far as they are seen.
select q.quota_id, q.subject, q.subject_id, q.measure, q.kpi_id, q.period_kind, q.starts_on, q.ends_on, q.version,
  q.created_at, v.amount, v.currency, v.seasonality, v.proration_basis, v.pace_basis, v.ramp, v.note,
  v.created_at as changed_at
from quota q join quota_version v on v.org_id = q.org_id and v.quota_id = q.quota_id and v.version = q.version
where q.org_id = $1 and q.quota_id = any($2::uuid[])
  and ($3::uuid[] is null or (q.subject = 'REP' and q.subject_id = any($3::uuid[]))
    or (q.subject = 'TEAM' and q.subject_id = any($4::uuid[])));

-- name: quotas_of_subjects
-- Quotas of subjects of a kind in periods that share a day with `[$4, $5)`, as far as seen; `place`: whose, from 1.
select k.place, q.quota_id, q.subject, q.subject_id, q.measure, q.kpi_id, q.period_kind, q.starts_on, q.ends_on,
  q.version, q.created_at, v.amount, v.currency, v.seasonality, v.proration_basis, v.pace_basis, v.ramp, v.note,
  v.created_at as changed_at
from unnest($2::uuid[]) with ordinality k (subject_id, place)
join quota q on q.org_id = $1 and q.subject = $3 and q.subject_id = k.subject_id and q.starts_on < $5 and q.ends_on > $4
join quota_version v on v.org_id = q.org_id and v.quota_id = q.quota_id and v.version = q.version
where $6::uuid[] is null or (q.subject = 'REP' and q.subject_id = any($6::uuid[]))
  or (q.subject = 'TEAM' and q.subject_id = any($7::uuid[]))
order by k.place, q.starts_on, q.ends_on, q.measure, q.quota_id;

-- name: quotas_of_subject
-- The same of one subject, to come along with it.
select q.quota_id, q.subject, q.subject_id, q.measure, q.kpi_id, q.period_kind, q.starts_on, q.ends_on,
  q.version, q.created_at, v.amount, v.currency, v.seasonality, v.proration_basis, v.pace_basis, v.ramp, v.note,
  v.created_at as changed_at
from quota q
join quota_version v on v.org_id = q.org_id and v.quota_id = q.quota_id and v.version = q.version
where q.org_id = $1 and q.subject_id = $2 and q.subject = $3 and q.starts_on < $5 and q.ends_on > $4
  and ($6::uuid[] is null or (q.subject = 'REP' and q.subject_id = any($6::uuid[]))
    or (q.subject = 'TEAM' and q.subject_id = any($7::uuid[])))
order by q.starts_on, q.ends_on, q.measure, q.quota_id;

-- name: versions
-- Every version of some quotas, the latest first.
select v.quota_id, v.version, v.amount, v.seasonality, v.proration_basis, v.pace_basis, v.ramp, v.note, v.created_at,
  u.name as created_by
from quota_version v left join app_user u on u.org_id = v.org_id and u.user_id = v.created_by
where v.org_id = $1 and v.quota_id = any($2::uuid[])
order by v.quota_id, v.version desc;

-- name: board
-- A leaderboard of reps by the ratio of a measure and period, with ranks that ties share. A page of it, or one rep ($10).
with board as not materialized (
  select a.subject_id as rep_id, a.attained as value, a.ratio, a.ratio as score from attainment a
  where a.org_id = $1 and a.measure = $2 and a.kpi_id = $3 and a.period_kind = $4 and a.starts_on = $5
    and a.subject = 'REP' and a.ratio is not null and ($6::uuid[] is null or a.subject_id = any($6::uuid[]))
), page as (
  select * from board
  where ($8::uuid is null or score < $7::numeric or (score = $7 and rep_id > $8)) and ($10::uuid is null or rep_id = $10)
  order by score desc, rep_id limit $9
), head as (
  select * from page order by score desc, rep_id limit 1
), ahead as (
  select count(*) filter (where b.score > h.score) as above, count(*) as before from board b, head h
  where b.score > h.score or (b.score = h.score and b.rep_id < h.rep_id)
)
select p.rep_id, r.name, p.value, p.ratio, p.score,
  case when p.score = h.score then 1 + a.above else a.before + rank() over (order by p.score desc) end as rank
from page p cross join head h cross join ahead a join rep r on r.org_id = $1 and r.rep_id = p.rep_id
order by p.score desc, p.rep_id;

-- name: board_count
-- How many reps are on it.
select count(*) from attainment a
where a.org_id = $1 and a.measure = $2 and a.kpi_id = $3 and a.period_kind = $4 and a.starts_on = $5
  and a.subject = 'REP' and a.ratio is not null and ($6::uuid[] is null or a.subject_id = any($6::uuid[]));

-- name: kpi_board
-- A leaderboard of reps by their value of a KPI in a week: the highest first, or the lowest where lower is better.
with facing as (
  select case direction when 'LOWER_IS_BETTER' then -1 else 1 end as sign from kpi_version
  where org_id = $1 and kpi_id = $2 order by version desc limit 1
), board as (
  select k.subject_id as rep_id, k.value, k.ratio, k.value * f.sign as score from kpi_result k, facing f
  where k.org_id = $1 and k.kpi_id = $2 and k.week = $3 and k.subject = 'REP' and k.value is not null
    and ($4::uuid[] is null or k.subject_id = any($4::uuid[]))
), ranked as (
  select *, rank() over (order by score desc) as rank from board
)
select p.rep_id, r.name, p.value, p.ratio, p.score, p.rank
from ranked p join rep r on r.org_id = $1 and r.rep_id = p.rep_id
where ($6::uuid is null or p.score < $5::numeric or (p.score = $5 and p.rep_id > $6))
order by p.score desc, p.rep_id limit $7;

-- name: kpi_board_count
-- How many reps are on it.
select count(*) from kpi_result k
where k.org_id = $1 and k.kpi_id = $2 and k.week = $3 and k.subject = 'REP' and k.value is not null
  and ($4::uuid[] is null or k.subject_id = any($4::uuid[]));

-- name: subjects_by_external_id
-- Reps, teams and territories by their keys in other systems.
select k.position, coalesce(r.rep_id, t.team_id, y.territory_id) as id
from unnest($2::int[], $3::text[], $4::text[]) as k (position, subject, external_id)
left join rep r on k.subject = 'REP' and r.org_id = $1 and r.external_id = k.external_id
left join team t on k.subject = 'TEAM' and t.org_id = $1 and t.external_id = k.external_id
left join territory y on k.subject = 'TERRITORY' and y.org_id = $1 and y.external_id = k.external_id
where coalesce(r.rep_id, t.team_id, y.territory_id) is not null;
