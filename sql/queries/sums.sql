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

-- name: teams
-- Every team.
select team_id from team where org_id = $1 order by team_id;

-- name: own_remove
-- Stretches that are added up anew. One by one, so that each goes by the index whatever the statistics say; so below.
delete from fact_sum where org_id = $1 and ctid = any(array(
  select s.ctid
  from unnest($2::uuid[], $3::uuid[], $4::date[], $5::date[]) d (operand_id, team_id, since, until)
  cross join lateral (
    select f.ctid from fact_sum f
    where f.org_id = $1 and f.operand_id = d.operand_id and f.team_id = d.team_id and f.day >= d.since and f.day < d.until
      and f.part = 'OWN'
    offset 0
  ) s));

-- name: own_add
-- What they came to.
insert into fact_sum (org_id, operand_id, team_id, day, part, x, sample, total)
select $1, s.operand_id, s.team_id, s.day, 'OWN', s.x, s.sample, s.total
from unnest($2::uuid[], $3::uuid[], $4::date[], $5::numeric[], $6::int[], $7::numeric[])
  s (operand_id, team_id, day, x, sample, total);

-- name: below_remove
-- The same stretches of the teams above.
delete from fact_sum where org_id = $1 and ctid = any(array(
  select s.ctid
  from unnest($2::uuid[], $3::uuid[], $4::date[], $5::date[]) d (operand_id, team_id, since, through)
  cross join lateral (
    select f.ctid from fact_sum f
    where f.org_id = $1 and f.operand_id = d.operand_id and f.team_id = d.team_id and f.day >= d.since
      and f.day <= d.through and f.part = 'BELOW'
    offset 0
  ) s));

-- name: below_add
-- The sum of all teams below, however deep; each stretch by itself, so that all of it bounds the index.
insert into fact_sum (org_id, operand_id, team_id, day, part, x, sample, total)
select $1, d.operand_id, d.team_id, s.day, 'BELOW', s.x, s.sample, s.total
from unnest($2::uuid[], $3::uuid[], $4::date[], $5::date[]) d (operand_id, team_id, since, through)
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
) s;

-- name: added_up
-- What operands come to for teams over stretches of days; of a median each number, of others one row.
select d.n, s.x, s.sample, s.total
from unnest($2::int[], $3::uuid[], $4::uuid[], $5::date[], $6::date[]) d (n, operand_id, team_id, since, until)
cross join lateral (
  select f.x, sum(f.sample)::bigint as sample, sum(f.total) as total from fact_sum f
  where f.org_id = $1 and f.operand_id = d.operand_id and f.team_id = d.team_id and f.day >= d.since and f.day < d.until
  group by f.x
) s;
