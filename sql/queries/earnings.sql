-- What pay is calculated from, and the ledger that it is held against.

-- name: plan_books
-- Every published version with what its plan says of all of them.
select v.plan_id, v.version, v.document, v.starts_on, v.ends_on, p.key, p.archived_on
from incentive_plan_version v join incentive_plan p on p.org_id = v.org_id and p.plan_id = v.plan_id
where v.org_id = $1
order by v.plan_id, v.version;

-- name: any_plan
-- Whether anything pays.
select exists (select from incentive_plan_version where org_id = $1);

-- name: payees
-- Those who are paid, or would be, with the teams that they were in.
select r.rep_id, r.external_id, r.name, r.role, r.user_id, r.hired_on, r.left_on, coalesce(p.currency, o.currency) as currency,
  array(select a.team_id from assignment a where a.org_id = r.org_id and a.rep_id = r.rep_id order by a.starts_on) as teams,
  array(select a.starts_on from assignment a where a.org_id = r.org_id and a.rep_id = r.rep_id order by a.starts_on)
    as team_from,
  array(select coalesce(a.ends_on, 'infinity') from assignment a
    where a.org_id = r.org_id and a.rep_id = r.rep_id order by a.starts_on) as team_to
from rep r
join organization o on o.org_id = r.org_id
left join payee p on p.org_id = r.org_id and p.rep_id = r.rep_id
where r.org_id = $1 and r.rep_id = any($2::uuid[]);

-- name: assignments
-- Which plans some reps are on.
select plan_id, rep_id, starts_on, ends_on, target from incentive_assignment
where org_id = $1 and rep_id = any($2::uuid[])
order by rep_id, plan_id, starts_on;

-- name: beneficiaries
-- Who is credited for what some reps sell from a day on: managers of the teams that they are in or below, and overlays.
select m.rep_id, min(d.from_day) as from_day
from unnest($2::uuid[], $3::date[]) d (rep_id, from_day)
join assignment a on a.org_id = $1 and a.rep_id = d.rep_id and (a.ends_on is null or a.ends_on > d.from_day)
join team_ancestor up on up.org_id = $1 and up.team_id = a.team_id
join team t on t.org_id = $1 and t.team_id = up.ancestor_id
join rep m on m.org_id = $1 and m.user_id = t.manager_id
group by m.rep_id
union all
select o.rep_id, min(d.from_day)
from overlay o cross join (select min(from_day) as from_day from unnest($3::date[]) f (from_day)) d
where o.org_id = $1 and (o.ends_on is null or o.ends_on > d.from_day)
group by o.rep_id;

-- name: reps_on_plans
-- Who is on some plans from a day on.
select distinct rep_id from incentive_assignment
where org_id = $1 and plan_id = any($2::uuid[]) and (ends_on is null or ends_on > $3);

-- name: reps_with_lines
-- Who has lines about periods from a day on.
select distinct rep_id from earning where org_id = $1 and plan_id is not null and origin_starts_on >= $2;

-- name: everybody
-- Those who might be on a plan.
select rep_id, hired_on, left_on from rep where org_id = $1 order by rep_id;

-- name: led
-- Whose sales some reps are credited for as managers, on which days.
select rep_id, seller_id, starts_on, ends_on from incentive_led where org_id = $1 and rep_id = any($2::uuid[]);

-- name: credits
-- What some reps are credited with on days of a stretch; `$3` are they and those they lead. With the deal's own amounts where
-- they are in another currency than `$10`, the organisation's.
-- Credits are looked up by seller and then divided, so that statistics that are not there yet mislead nobody.
with sold as materialized (
  select c.rep_id, c.deal_id, c.closed_day as day, c.share, c.amount, c.margin, c.units, d.product, d.currency,
    case when d.currency <> $10 then d.amount end as deal_amount,
    case when d.currency <> $10 then d.margin end as deal_margin
  from credit c join deal d on d.org_id = c.org_id and d.deal_id = c.deal_id
  where c.org_id = $1 and c.rep_id = any($3::uuid[]) and c.status = 'WON' and c.closed_day >= $4 and c.closed_day < $5
)
select s.rep_id, 'DIRECT' as role, 'DEAL' as source, s.rep_id as seller_id, null::uuid as source_id, s.deal_id, s.day, s.share,
  s.amount, s.margin, s.units, s.product, s.currency, s.deal_amount, s.deal_margin
from sold s where s.rep_id = any($2::uuid[])
union all
select l.rep_id, 'TEAM', 'DEAL', s.rep_id, null, s.deal_id, s.day, s.share, s.amount, s.margin, s.units, s.product,
  s.currency, s.deal_amount, s.deal_margin
from sold s
join unnest($6::uuid[], $7::uuid[], $8::date[], $9::date[]) l (rep_id, seller_id, starts_on, ends_on)
  on l.seller_id = s.rep_id and s.day >= l.starts_on and (l.ends_on is null or s.day < l.ends_on)
union all
select c.rep_id, c.role, c.source, c.seller_id, c.source_id, c.deal_id, c.day, c.share, c.amount, c.margin,
  c.units, d.product, d.currency, d.amount, d.margin
from incentive_credit c left join deal d on d.org_id = c.org_id and d.deal_id = c.deal_id
where c.org_id = $1 and c.rep_id = any($2::uuid[]) and c.day >= $4 and c.day < $5
  and (c.role = 'OVERLAY' or c.source = 'MANUAL');

-- name: quotas
-- The quotas of some reps and of teams as attainment was computed with them: prorated, ramped, rolled up.
select subject_id, measure, kpi_id, period_kind, starts_on, quota from attainment
where org_id = $1 and quota is not null and ends_on > $3
  and ((subject = 'REP' and subject_id = any($2::uuid[])) or (subject = 'TEAM' and subject_id = any($4::uuid[])));

-- name: teams_led
-- The teams that some people manage, and where they are in the tree.
select t.team_id, t.external_id, t.parent_id, t.manager_id from team t where t.org_id = $1;

-- name: scores
-- How far some reps reached their objectives.
select plan_id, rep_id, starts_on, component, objective, score, name, weight from objective_score
where org_id = $1 and rep_id = any($2::uuid[]) and starts_on >= $3
order by rep_id, plan_id, starts_on, component, objective;

-- name: carries
-- What the periods before a day handed on last, for some reps and each of their plans.
select distinct on (c.rep_id, c.plan_id) c.rep_id, c.plan_id, c.starts_on, c.owed, c.earned
from earning_carry c join unnest($2::uuid[], $3::uuid[], $4::date[]) k (rep_id, plan_id, starts_on)
  on c.rep_id = k.rep_id and c.plan_id = k.plan_id and c.starts_on < k.starts_on
where c.org_id = $1
order by c.rep_id, c.plan_id, c.starts_on desc;

-- name: carries_save
-- What periods hand on; what is the same stays.
insert into earning_carry as c (org_id, rep_id, plan_id, starts_on, owed, earned)
select $1, n.* from unnest($2::uuid[], $3::uuid[], $4::date[], $5::numeric[], $6::jsonb[]) n
on conflict (org_id, rep_id, plan_id, starts_on) do update set owed = excluded.owed, earned = excluded.earned
where (c.owed, c.earned) is distinct from (excluded.owed, excluded.earned);

-- name: carries_prune
-- Periods that these reps are not paid for any more hand nothing on.
delete from earning_carry c
using unnest($2::uuid[], $3::uuid[], $4::date[]) r (rep_id, plan_id, from_day)
where c.org_id = $1 and c.rep_id = r.rep_id and c.plan_id = r.plan_id and c.starts_on >= r.from_day and not exists (
  select from unnest($5::uuid[], $6::uuid[], $7::date[]) k (rep_id, plan_id, starts_on)
  where k.rep_id = c.rep_id and k.plan_id = c.plan_id and k.starts_on = c.starts_on);

-- name: lines_that_hold
-- The calculated lines of some reps about periods from a day on that nothing reversed.
select e.line_id, e.statement_id, e.rep_id, e.period_kind, e.origin_starts_on, e.kind, e.plan_id, e.plan_version,
  e.component, e.deal_id, e.key, e.base, e.amount, e.currency, e.calculation_id, e.reverses, e.reason
from unnest($2::uuid[], $3::date[]) r (rep_id, from_day)
join earning e on e.org_id = $1 and e.rep_id = r.rep_id and e.origin_starts_on >= r.from_day
where e.plan_id is not null and e.kind <> 'REVERSAL'
  and not exists (select from earning u where u.org_id = $1 and u.reverses = e.line_id)
order by e.line_id;

-- name: calculations_add
-- What new lines were calculated from.
insert into calculation (org_id, calculation_id, rep_id, plan_id, plan_version, starts_on, inputs, created_at)
select $1, c.*, $8 from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::int[], $6::date[], $7::jsonb[]) c;

-- name: calculations
-- What lines were calculated from, with the version of the plan.
select c.calculation_id, c.rep_id, c.plan_id, c.plan_version, c.starts_on, c.inputs, v.document
from calculation c
join incentive_plan_version v on v.org_id = c.org_id and v.plan_id = c.plan_id and v.version = c.plan_version
where c.org_id = $1 and c.calculation_id = any($2::uuid[]);

-- name: cancellations
-- The deals of locked periods that some reps were paid for and that are won no more.
select rep_id, plan_id, starts_on, deal_id, closed_on, cancelled_on, paid, credits from cancellation
where org_id = $1 and rep_id = any($2::uuid[])
order by rep_id, plan_id, deal_id;

-- name: cancellations_add
-- Found by the first calculation that missed them.
insert into cancellation (org_id, rep_id, plan_id, starts_on, deal_id, closed_on, cancelled_on, paid, credits)
select $1, n.* from unnest($2::uuid[], $3::uuid[], $4::date[], $5::uuid[], $6::date[], $7::date[], $8::numeric[],
  $9::jsonb[]) n
on conflict do nothing;

-- name: cancellations_remove
-- Won again.
delete from cancellation c using unnest($2::uuid[], $3::uuid[], $4::date[], $5::uuid[]) k (rep_id, plan_id, starts_on, deal_id)
where c.org_id = $1 and c.rep_id = k.rep_id and c.plan_id = k.plan_id and c.starts_on = k.starts_on
  and c.deal_id = k.deal_id;

-- name: deals_lost
-- Those of some deals that are won no more, and when the source said so.
select deal_id, received_at from deal
where org_id = $1 and deal_id = any($2::uuid[]) and (deleted or status <> 'WON');
