-- What facts add up to by team and day.

-- name: operands_add
-- More of them.
insert into operand (org_id, operand_id, leaf) select $1, o.* from unnest($2::uuid[], $3::jsonb[]) o;

-- name: operands_remove
-- Those that nothing looks at any more; their sums go with them.
with unused as (
  delete from operand where org_id = $1 and operand_id = any($2::uuid[]) returning operand_id
)
delete from fact_sum where org_id = $1 and operand_id = any(array(select operand_id from unused));

-- name: own_save
-- What stretches came to that were added up anew, $2 to $5: what is there no more goes, what differs is written. One by one, so
-- that each goes by the index whatever the statistics say; so below. `not in` is looked up in a hash, whatever they say. Arrays
-- whose length the planner cannot see: it would plan anew for each that is shorter than it supposes.
with fresh as (
  select * from unnest($6::uuid[], $7::uuid[], $8::date[], $9::numeric[], $10::int[], $11::numeric[])
    s (operand_id, team_id, day, x, sample, total)
), gone as (
  delete from fact_sum where org_id = $1 and ctid = any(array(
    select s.ctid
    from (select $2::uuid[] as operands, $3::uuid[] as teams, $4::date[] as since, $5::date[] as until offset 0) p
    cross join lateral unnest(p.operands, p.teams, p.since, p.until) d (operand_id, team_id, since, until)
    cross join lateral (
      select f.ctid, f.day, f.x from fact_sum f
      where f.org_id = $1 and f.operand_id = d.operand_id and f.team_id = d.team_id and f.day >= d.since and f.day < d.until
        and f.part = 'OWN'
      offset 0
    ) s
    where (d.operand_id, d.team_id, s.day, s.x) not in (select operand_id, team_id, day, x from fresh)))
)
insert into fact_sum as f (org_id, operand_id, team_id, day, part, x, sample, total)
select $1, operand_id, team_id, day, 'OWN', x, sample, total from fresh
on conflict (org_id, operand_id, team_id, day, part, x) do update set sample = excluded.sample, total = excluded.total
where (f.sample, f.total) is distinct from (excluded.sample, excluded.total);

-- name: below_save
-- The same stretches of the teams above, from what was saved of the teams below, however deep.
-- Each stretch by itself, so that all of it bounds the index; arrays as above.
with stretch as (
  select d.* from (select $2::uuid[] as operands, $3::uuid[] as teams, $4::date[] as since, $5::date[] as through offset 0) p
  cross join lateral unnest(p.operands, p.teams, p.since, p.through) d (operand_id, team_id, since, through)
), fresh as materialized (
  select d.operand_id, d.team_id, s.day, s.x, s.sample, s.total
  from stretch d
  cross join lateral (
    select f.day, f.x, sum(f.sample) as sample, sum(f.total) as total
    from team_ancestor a
    cross join lateral (
      select day, x, sample, total from fact_sum
      where org_id = $1 and operand_id = d.operand_id and team_id = a.team_id and day >= d.since and day <= d.through
        and part = 'OWN'
      offset 0
    ) f
    where a.org_id = $1 and a.ancestor_id = d.team_id and a.depth > 0
    group by f.day, f.x
  ) s
), gone as (
  delete from fact_sum where org_id = $1 and ctid = any(array(
    select s.ctid
    from stretch d
    cross join lateral (
      select f.ctid, f.day, f.x from fact_sum f
      where f.org_id = $1 and f.operand_id = d.operand_id and f.team_id = d.team_id and f.day >= d.since
        and f.day <= d.through and f.part = 'BELOW'
      offset 0
    ) s
    where (d.operand_id, d.team_id, s.day, s.x) not in (select operand_id, team_id, day, x from fresh)))
)
insert into fact_sum as f (org_id, operand_id, team_id, day, part, x, sample, total)
select $1, operand_id, team_id, day, 'BELOW', x, sample, total from fresh
on conflict (org_id, operand_id, team_id, day, part, x) do update set sample = excluded.sample, total = excluded.total
where (f.sample, f.total) is distinct from (excluded.sample, excluded.total);

-- name: added_up
-- What operands come to for teams over stretches of days; of a median each number, of others one row. Arrays as above.
select d.n, s.x, s.sample, s.total
from (select $2::int[] as n, $3::uuid[] as operands, $4::uuid[] as teams, $5::date[] as since, $6::date[] as until offset 0) p
cross join lateral unnest(p.n, p.operands, p.teams, p.since, p.until) d (n, operand_id, team_id, since, until)
cross join lateral (
  select f.x, sum(f.sample)::bigint as sample, sum(f.total) as total from fact_sum f
  where f.org_id = $1 and f.operand_id = d.operand_id and f.team_id = d.team_id and f.day >= d.since and f.day < d.until
  group by f.x
) s;
