-- Whose sales a manager is credited for, by itself: few rows, from which the many credits are looked up.
-- depends: 0009_sums

-- migrate: apply

-- Whom a rep leads as the manager of a team above them, on which days. Once, however many of those teams it manages.
create view incentive_led with (security_invoker = true) as
select distinct m.org_id, m.rep_id, a.rep_id as seller_id, a.starts_on, a.ends_on
from rep m
join team t on t.org_id = m.org_id and t.manager_id = m.user_id
join team_ancestor below on below.org_id = t.org_id and below.ancestor_id = t.team_id
join assignment a on a.org_id = below.org_id and a.team_id = below.team_id and a.rep_id <> m.rep_id;

-- Who is credited with what of the deals that were won, and why: DIRECT by the deal's splits, TEAM as the manager of a team
-- above (as of the day it was won), OVERLAY beside the seller; and by hand. In the organisation's currency.
create or replace view incentive_credit with (security_invoker = true) as
select c.org_id, 'DIRECT' as role, 'DEAL' as source, c.rep_id, c.rep_id as seller_id, c.deal_id, null::uuid as source_id,
  c.closed_day as day, c.share, c.amount, c.margin, c.units
from credit c
where c.status = 'WON'
union all
select l.org_id, 'TEAM', 'DEAL', l.rep_id, c.rep_id, c.deal_id, null, c.closed_day, c.share, c.amount, c.margin, c.units
from incentive_led l
join credit c on c.org_id = l.org_id and c.rep_id = l.seller_id and c.status = 'WON' and c.closed_day >= l.starts_on
  and (l.ends_on is null or c.closed_day < l.ends_on)
union all
select o.org_id, 'OVERLAY', 'DEAL', o.rep_id, c.rep_id, c.deal_id, o.overlay_id, c.closed_day, o.share * c.share,
  o.share * c.amount, o.share * c.margin, o.share * c.units
from overlay o
join credit c on c.org_id = o.org_id and c.status = 'WON' and c.rep_id <> o.rep_id and c.closed_day >= o.starts_on
  and (o.ends_on is null or c.closed_day < o.ends_on)
join deal d on d.org_id = c.org_id and d.deal_id = c.deal_id
where (o.product is null or d.product = o.product)
  and (o.territory_id is null or c.territory_id = o.territory_id)
  and (o.team_id is null or exists (
    select from assignment a
    join team_ancestor up on up.org_id = a.org_id and up.team_id = a.team_id and up.ancestor_id = o.team_id
    where a.org_id = c.org_id and a.rep_id = c.rep_id and a.starts_on <= c.closed_day
      and (a.ends_on is null or a.ends_on > c.closed_day)))
union all
select h.org_id, h.role, 'MANUAL', h.rep_id, h.rep_id, h.deal_id, h.credit_id, h.day, null, h.amount, h.margin, h.units
from manual_credit h;

grant select on incentive_led to attain_app;

-- migrate: rollback
