-- What reps attained in the periods of quotas, by the team of the day and the territory. Boards come as six arrays: place,
-- measure, KPI, kind, first day, day after the last.

-- name: remove
-- Rows that are added up anew: of these reps; null is everybody's.
delete from attained a
using unnest($2::int[], $3::text[], $4::uuid[], $5::text[], $6::date[], $7::date[])
  b (position, measure, kpi_id, period_kind, starts_on, ends_on)
where a.org_id = $1 and a.measure = b.measure and a.kpi_id = b.kpi_id and a.period_kind = b.period_kind
  and a.starts_on = b.starts_on and ($8::uuid[] is null or a.rep_id = any($8::uuid[]))
returning b.position, a.team_id, a.territory_id;

-- name: add_credits
-- What they won. Rep by rep, so that each is found by the index.
with added as (
  insert into attained (org_id, measure, kpi_id, period_kind, starts_on, rep_id, team_id, territory_id, value)
  select $1, b.measure, b.kpi_id, b.period_kind, b.starts_on, r.rep_id, s.team_id, s.territory_id, s.value
  from unnest($2::int[], $3::text[], $4::uuid[], $5::text[], $6::date[], $7::date[])
    b (position, measure, kpi_id, period_kind, starts_on, ends_on)
  cross join (select rep_id from rep where org_id = $1 and ($8::uuid[] is null or rep_id = any($8::uuid[]))) r
  cross join lateral (
    select coalesce(a.team_id, '00000000-0000-0000-0000-000000000000') as team_id,
      coalesce(c.territory_id, '00000000-0000-0000-0000-000000000000') as territory_id,
      sum(case b.measure when 'REVENUE' then c.amount when 'MARGIN' then coalesce(c.margin, 0)
        else coalesce(c.units, 0) end) as value
    from credit c
    left join assignment a on a.org_id = $1 and a.rep_id = r.rep_id and a.starts_on <= c.closed_day
      and (a.ends_on is null or a.ends_on > c.closed_day)
    where c.org_id = $1 and c.rep_id = r.rep_id and c.closed_day >= b.starts_on and c.closed_day < b.ends_on
      and c.status = 'WON'
    group by 1, 2
  ) s
  returning measure, kpi_id, period_kind, starts_on, team_id, territory_id
)
select distinct b.position, a.team_id, a.territory_id
from added a
join unnest($2::int[], $3::text[], $4::uuid[], $5::text[], $6::date[], $7::date[])
  b (position, measure, kpi_id, period_kind, starts_on, ends_on) using (measure, kpi_id, period_kind, starts_on);

-- name: add_kpi
-- What a KPI that counts or sums facts came to. Only the branch of the facts asked for is run.
with added as (
  insert into attained (org_id, measure, kpi_id, period_kind, starts_on, rep_id, team_id, territory_id, value)
  select $1, b.measure, b.kpi_id, b.period_kind, b.starts_on, r.rep_id, s.team_id, s.territory_id, s.value
  from unnest($2::int[], $3::text[], $4::uuid[], $5::text[], $6::date[], $7::date[])
    b (position, measure, kpi_id, period_kind, starts_on, ends_on)
  cross join (select rep_id from rep where org_id = $1 and ($8::uuid[] is null or rep_id = any($8::uuid[]))) r
  cross join lateral (
    select coalesce(a.team_id, '00000000-0000-0000-0000-000000000000') as team_id,
      coalesce(f.territory_id, '00000000-0000-0000-0000-000000000000') as territory_id, sum(f.value) as value
    from (
      select x.day, null::uuid as territory_id, case $10 when 'MINUTES' then coalesce(x.minutes, 0) else 1 end as value
      from activity x
      where $9 = 'ACTIVITY' and x.org_id = $1 and x.rep_id = r.rep_id and x.day >= b.starts_on and x.day < b.ends_on
        and not x.deleted and ($12::text[] = '{}' or x.kind = any($12::text[]))
        and ($13::text[] = '{}' or x.outcome = any($13::text[]))
      union all
      select l.day, null, 1 from lead l
      where $9 = 'LEAD' and l.org_id = $1 and l.rep_id = r.rep_id and l.day >= b.starts_on and l.day < b.ends_on
        and not l.deleted and ($14::text[] = '{}' or l.channel = any($14::text[]))
      union all
      select case $11 when 'OPENED' then d.opened_day else d.closed_day end, d.territory_id,
        case $10 when 'AMOUNT' then d.amount * d.exchange_rate when 'MARGIN' then coalesce(d.margin, 0) * d.exchange_rate
          when 'UNITS' then coalesce(d.units, 0) else 1 end
      from deal d
      where $9 = 'DEAL' and d.org_id = $1 and d.rep_id = r.rep_id and not d.deleted
        and (($11 = 'OPENED' and d.opened_day >= b.starts_on and d.opened_day < b.ends_on)
          or ($11 <> 'OPENED' and d.closed_day >= b.starts_on and d.closed_day < b.ends_on))
        and ($15::text[] = '{}' or d.status = any($15::text[])) and ($16::text[] = '{}' or d.product = any($16::text[]))
      union all
      select case $11 when 'OPENED' then c.opened_day else c.closed_day end, c.territory_id,
        case $10 when 'AMOUNT' then c.amount when 'MARGIN' then coalesce(c.margin, 0)
          when 'UNITS' then coalesce(c.units, 0) else 1 end
      from credit c
      where $9 = 'CREDIT' and c.org_id = $1 and c.rep_id = r.rep_id
        and (($11 = 'OPENED' and c.opened_day >= b.starts_on and c.opened_day < b.ends_on)
          or ($11 <> 'OPENED' and c.closed_day >= b.starts_on and c.closed_day < b.ends_on))
        and ($15::text[] = '{}' or c.status = any($15::text[])) and ($16::text[] = '{}' or exists (
          select from deal d where d.org_id = $1 and d.deal_id = c.deal_id and d.product = any($16::text[])))
    ) f
    left join assignment a on a.org_id = $1 and a.rep_id = r.rep_id and a.starts_on <= f.day
      and (a.ends_on is null or a.ends_on > f.day)
    group by 1, 2
  ) s
  returning measure, kpi_id, period_kind, starts_on, team_id, territory_id
)
select distinct b.position, a.team_id, a.territory_id
from added a
join unnest($2::int[], $3::text[], $4::uuid[], $5::text[], $6::date[], $7::date[])
  b (position, measure, kpi_id, period_kind, starts_on, ends_on) using (measure, kpi_id, period_kind, starts_on);

-- name: everybodys
-- Everybody's.
select b.position, a.rep_id, a.team_id, a.territory_id, a.value
from unnest($2::int[], $3::text[], $4::uuid[], $5::text[], $6::date[], $7::date[])
  b (position, measure, kpi_id, period_kind, starts_on, ends_on)
join attained a on a.org_id = $1 and a.measure = b.measure and a.kpi_id = b.kpi_id and a.period_kind = b.period_kind
  and a.starts_on = b.starts_on;

-- name: paths
-- These teams and territories, each with itself and those above it.
with recursive up as (
  select t.territory_id as id, t.territory_id as above, t.parent_id from territory t
  where t.org_id = $1 and t.territory_id = any($3::uuid[])
  union all
  select u.id, t.territory_id, t.parent_id from up u join territory t on t.org_id = $1 and t.territory_id = u.parent_id
)
select 'TERRITORY' as subject, id, above from up
union all
select 'TEAM', team_id, ancestor_id from team_ancestor where org_id = $1 and team_id = any($2::uuid[]);

-- name: of_subjects
-- What each of these subjects attained on its board, in the order asked for. A rep its own, a team and a territory what is
-- below it as well, the organisation everything.
select case s.subject
  when 'REP' then (
    select sum(a.value) from attained a
    where a.org_id = $1 and a.measure = s.measure and a.kpi_id = s.kpi_id and a.period_kind = s.period_kind
      and a.starts_on = s.starts_on and a.rep_id = s.subject_id)
  when 'TEAM' then (
    select sum(a.value) from team_ancestor t
    join attained a on a.org_id = $1 and a.measure = s.measure and a.kpi_id = s.kpi_id
      and a.period_kind = s.period_kind and a.starts_on = s.starts_on and a.team_id = t.team_id
    where t.org_id = $1 and t.ancestor_id = s.subject_id)
  when 'TERRITORY' then (
    with recursive below as (
      select s.subject_id as territory_id
      union all
      select t.territory_id from below b join territory t on t.org_id = $1 and t.parent_id = b.territory_id
    )
    select sum(a.value) from below b
    join attained a on a.org_id = $1 and a.measure = s.measure and a.kpi_id = s.kpi_id
      and a.period_kind = s.period_kind and a.starts_on = s.starts_on and a.territory_id = b.territory_id)
  else (
    select sum(a.value) from attained a
    where a.org_id = $1 and a.measure = s.measure and a.kpi_id = s.kpi_id and a.period_kind = s.period_kind
      and a.starts_on = s.starts_on)
  end as value
from unnest($2::int[], $3::text[], $4::uuid[], $5::text[], $6::date[], $7::date[], $8::text[], $9::uuid[])
  with ordinality s (position, measure, kpi_id, period_kind, starts_on, ends_on, subject, subject_id, n)
order by s.n;
