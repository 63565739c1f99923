-- Facts as the graph lists them: whole pages by key, and by ids, as far as the viewer sees them.
--
-- `$2` is the viewer's sight, null for everybody. A deal is seen by those who see its owner or somebody credited: a
-- subquery with a limit, so that a page probes the credits of the deals it passes instead of hashing all of them. Under
-- row-level security an index is entered only by what leaks nothing, hence `case` and not `coalesce`. Numbers leak by
-- their errors: pages by amount follow the index in order, but walk it from its end.

-- name: activities_asc
-- A page, earliest first.
select a.*
from activity a
where a.org_id = $1 and not a.deleted and ($2::uuid[] is null or a.rep_id = any($2))
  and ($3::uuid[] is null or a.rep_id = any($3)) and ($4::date is null or a.day >= $4)
  and ($5::date is null or a.day < $5)
  and ($6::text[] is null or a.kind = any($6))
  and ($7::timestamptz is null or (a.occurred_at, a.activity_id) > ($7, $8::uuid))
order by a.occurred_at asc, a.activity_id asc limit $9;

-- name: activities_desc
-- A page, latest first.
select a.*
from activity a
where a.org_id = $1 and not a.deleted and ($2::uuid[] is null or a.rep_id = any($2))
  and ($3::uuid[] is null or a.rep_id = any($3)) and ($4::date is null or a.day >= $4)
  and ($5::date is null or a.day < $5)
  and ($6::text[] is null or a.kind = any($6))
  and ($7::timestamptz is null or (a.occurred_at, a.activity_id) < ($7, $8::uuid))
order by a.occurred_at desc, a.activity_id desc limit $9;

-- name: activities_count
-- The length of the list.
select count(*) from activity a
where a.org_id = $1 and not a.deleted and ($2::uuid[] is null or a.rep_id = any($2))
  and ($3::uuid[] is null or a.rep_id = any($3)) and ($4::date is null or a.day >= $4)
  and ($5::date is null or a.day < $5)
  and ($6::text[] is null or a.kind = any($6));

-- name: activities_by_id
-- Those of some ids that the viewer sees.
select a.*
from activity a
where a.org_id = $1 and not a.deleted and ($2::uuid[] is null or a.rep_id = any($2))
  and a.activity_id = any($3::uuid[]);

-- name: activities_by_key
-- Activities as their source knows them, by source and external id.
select a.*
from unnest($3::text[], $4::text[]) k (source, external_id)
join activity a on a.org_id = $1 and a.source = k.source and a.external_id = k.external_id
where not a.deleted and ($2::uuid[] is null or a.rep_id = any($2));

-- name: leads_asc
-- A page, earliest first.
select l.*
from lead l
where l.org_id = $1 and not l.deleted and ($2::uuid[] is null or l.rep_id = any($2))
  and ($3::uuid[] is null or l.rep_id = any($3)) and ($4::date is null or l.day >= $4)
  and ($5::date is null or l.day < $5)
  and ($6::timestamptz is null or (l.arrived_at, l.lead_id) > ($6, $7::uuid))
order by l.arrived_at asc, l.lead_id asc limit $8;

-- name: leads_desc
-- A page, latest first.
select l.*
from lead l
where l.org_id = $1 and not l.deleted and ($2::uuid[] is null or l.rep_id = any($2))
  and ($3::uuid[] is null or l.rep_id = any($3)) and ($4::date is null or l.day >= $4)
  and ($5::date is null or l.day < $5)
  and ($6::timestamptz is null or (l.arrived_at, l.lead_id) < ($6, $7::uuid))
order by l.arrived_at desc, l.lead_id desc limit $8;

-- name: leads_count
-- The length of the list.
select count(*) from lead l
where l.org_id = $1 and not l.deleted and ($2::uuid[] is null or l.rep_id = any($2))
  and ($3::uuid[] is null or l.rep_id = any($3)) and ($4::date is null or l.day >= $4)
  and ($5::date is null or l.day < $5);

-- name: leads_by_id
-- Those of some ids that the viewer sees.
select l.*
from lead l
where l.org_id = $1 and not l.deleted and ($2::uuid[] is null or l.rep_id = any($2))
  and l.lead_id = any($3::uuid[]);

-- name: leads_by_key
-- The leads that deals came from, by source and external id.
select l.*
from unnest($3::text[], $4::text[]) k (source, external_id)
join lead l on l.org_id = $1 and l.source = k.source and l.external_id = k.external_id
where not l.deleted and ($2::uuid[] is null or l.rep_id = any($2));

-- name: deals_by_opened_asc
-- A page, opened earliest first.
select d.*, o.currency as own_currency, d.opened_at as place
from deal d join organization o on o.org_id = d.org_id
where d.org_id = $1 and not d.deleted
  and ($2::uuid[] is null or d.rep_id = any($2) or (
    select true from credit c where c.org_id = d.org_id and c.deal_id = d.deal_id and c.rep_id = any($2) limit 1))
  and ($3::uuid[] is null or d.rep_id = any($3)) and ($4::text[] is null or d.status = any($4))
  and ($5::date is null or d.opened_day >= $5) and ($6::date is null or d.opened_day < $6)
  and ($7::date is null or d.closed_day >= $7) and ($8::date is null or d.closed_day < $8)
  and ($9::uuid[] is null or d.territory_id = any($9))
  and ($10::timestamptz is null or (d.opened_at, d.deal_id) > ($10, $11::uuid))
order by d.opened_at asc, d.deal_id asc limit $12;

-- name: deals_by_opened_desc
-- A page, opened latest first.
select d.*, o.currency as own_currency, d.opened_at as place
from deal d join organization o on o.org_id = d.org_id
where d.org_id = $1 and not d.deleted
  and ($2::uuid[] is null or d.rep_id = any($2) or (
    select true from credit c where c.org_id = d.org_id and c.deal_id = d.deal_id and c.rep_id = any($2) limit 1))
  and ($3::uuid[] is null or d.rep_id = any($3)) and ($4::text[] is null or d.status = any($4))
  and ($5::date is null or d.opened_day >= $5) and ($6::date is null or d.opened_day < $6)
  and ($7::date is null or d.closed_day >= $7) and ($8::date is null or d.closed_day < $8)
  and ($9::uuid[] is null or d.territory_id = any($9))
  and ($10::timestamptz is null or (d.opened_at, d.deal_id) < ($10, $11::uuid))
order by d.opened_at desc, d.deal_id desc limit $12;

-- name: deals_by_closed_asc
-- A page, closed earliest first; open ones come last.
select d.*, o.currency as own_currency,
  case when d.closed_at is null then timestamptz '9999-12-31 00:00:00+00' else d.closed_at end as place
from deal d join organization o on o.org_id = d.org_id
where d.org_id = $1 and not d.deleted
  and ($2::uuid[] is null or d.rep_id = any($2) or (
    select true from credit c where c.org_id = d.org_id and c.deal_id = d.deal_id and c.rep_id = any($2) limit 1))
  and ($3::uuid[] is null or d.rep_id = any($3)) and ($4::text[] is null or d.status = any($4))
  and ($5::date is null or d.opened_day >= $5) and ($6::date is null or d.opened_day < $6)
  and ($7::date is null or d.closed_day >= $7) and ($8::date is null or d.closed_day < $8)
  and ($9::uuid[] is null or d.territory_id = any($9))
  and ($10::timestamptz is null
    or (case when d.closed_at is null then timestamptz '9999-12-31 00:00:00+00' else d.closed_at end, d.deal_id)
      > ($10, $11::uuid))
order by place asc, d.deal_id asc limit $12;

-- name: deals_by_closed_desc
-- A page, open ones first, then closed latest.
select d.*, o.currency as own_currency,
  case when d.closed_at is null then timestamptz '9999-12-31 00:00:00+00' else d.closed_at end as place
from deal d join organization o on o.org_id = d.org_id
where d.org_id = $1 and not d.deleted
  and ($2::uuid[] is null or d.rep_id = any($2) or (
    select true from credit c where c.org_id = d.org_id and c.deal_id = d.deal_id and c.rep_id = any($2) limit 1))
  and ($3::uuid[] is null or d.rep_id = any($3)) and ($4::text[] is null or d.status = any($4))
  and ($5::date is null or d.opened_day >= $5) and ($6::date is null or d.opened_day < $6)
  and ($7::date is null or d.closed_day >= $7) and ($8::date is null or d.closed_day < $8)
  and ($9::uuid[] is null or d.territory_id = any($9))
  and ($10::timestamptz is null
    or (case when d.closed_at is null then timestamptz '9999-12-31 00:00:00+00' else d.closed_at end, d.deal_id)
      < ($10, $11::uuid))
order by place desc, d.deal_id desc limit $12;

-- name: deals_by_amount_asc
-- A page, smallest first in the organisation's currency.
select d.*, o.currency as own_currency, d.amount * d.exchange_rate as place
from deal d join organization o on o.org_id = d.org_id
where d.org_id = $1 and not d.deleted
  and ($2::uuid[] is null or d.rep_id = any($2) or (
    select true from credit c where c.org_id = d.org_id and c.deal_id = d.deal_id and c.rep_id = any($2) limit 1))
  and ($3::uuid[] is null or d.rep_id = any($3)) and ($4::text[] is null or d.status = any($4))
  and ($5::date is null or d.opened_day >= $5) and ($6::date is null or d.opened_day < $6)
  and ($7::date is null or d.closed_day >= $7) and ($8::date is null or d.closed_day < $8)
  and ($9::uuid[] is null or d.territory_id = any($9))
  and ($10::numeric is null or (d.amount * d.exchange_rate, d.deal_id) > ($10, $11::uuid))
order by d.amount * d.exchange_rate asc, d.deal_id asc limit $12;

-- name: deals_by_amount_desc
-- A page, largest first in the organisation's currency.
select d.*, o.currency as own_currency, d.amount * d.exchange_rate as place
from deal d join organization o on o.org_id = d.org_id
where d.org_id = $1 and not d.deleted
  and ($2::uuid[] is null or d.rep_id = any($2) or (
    select true from credit c where c.org_id = d.org_id and c.deal_id = d.deal_id and c.rep_id = any($2) limit 1))
  and ($3::uuid[] is null or d.rep_id = any($3)) and ($4::text[] is null or d.status = any($4))
  and ($5::date is null or d.opened_day >= $5) and ($6::date is null or d.opened_day < $6)
  and ($7::date is null or d.closed_day >= $7) and ($8::date is null or d.closed_day < $8)
  and ($9::uuid[] is null or d.territory_id = any($9))
  and ($10::numeric is null or (d.amount * d.exchange_rate, d.deal_id) < ($10, $11::uuid))
order by d.amount * d.exchange_rate desc, d.deal_id desc limit $12;

-- name: deals_count
-- The length of the list.
select count(*) from deal d
where d.org_id = $1 and not d.deleted
  and ($2::uuid[] is null or d.rep_id = any($2) or (
    select true from credit c where c.org_id = d.org_id and c.deal_id = d.deal_id and c.rep_id = any($2) limit 1))
  and ($3::uuid[] is null or d.rep_id = any($3)) and ($4::text[] is null or d.status = any($4))
  and ($5::date is null or d.opened_day >= $5) and ($6::date is null or d.opened_day < $6)
  and ($7::date is null or d.closed_day >= $7) and ($8::date is null or d.closed_day < $8)
  and ($9::uuid[] is null or d.territory_id = any($9));

-- name: deals_due
-- A page of the open deals of some reps whom the viewer sees, due to close earliest first; those without a day come last.
select d.*, o.currency as own_currency,
  case when d.expected_close_on is null then date '9999-12-31' else d.expected_close_on end as place
from deal d join organization o on o.org_id = d.org_id
where d.org_id = $1 and not d.deleted and d.closed_day is null and d.rep_id = any($3)
  and ($2::uuid[] is null or d.rep_id = any($2))
  and ($4::date is null
    or (case when d.expected_close_on is null then date '9999-12-31' else d.expected_close_on end, d.deal_id)
      > ($4, $5::uuid))
order by place, d.deal_id limit $6;

-- name: deals_due_count
-- The length of the list.
select count(*) from deal d
where d.org_id = $1 and not d.deleted and d.closed_day is null and d.rep_id = any($3)
  and ($2::uuid[] is null or d.rep_id = any($2));

-- name: deals_by_id
-- Those of some ids that the viewer sees.
select d.*, o.currency as own_currency
from deal d join organization o on o.org_id = d.org_id
where d.org_id = $1 and not d.deleted
  and ($2::uuid[] is null or d.rep_id = any($2) or (
    select true from credit c where c.org_id = d.org_id and c.deal_id = d.deal_id and c.rep_id = any($2) limit 1))
  and d.deal_id = any($3::uuid[]);

-- name: deals_by_key
-- The deals that activities were about, by source and external id.
select d.*, o.currency as own_currency
from unnest($3::text[], $4::text[]) k (source, external_id)
join deal d on d.org_id = $1 and d.source = k.source and d.external_id = k.external_id
join organization o on o.org_id = d.org_id
where not d.deleted
  and ($2::uuid[] is null or d.rep_id = any($2) or (
    select true from credit c where c.org_id = d.org_id and c.deal_id = d.deal_id and c.rep_id = any($2) limit 1));

-- name: credits_of_deals
-- Who is credited, largest share first. Whoever sees the deal sees them all.
select c.deal_id, c.rep_id, c.share, c.amount, c.margin, c.units, o.currency
from credit c join organization o on o.org_id = c.org_id
where c.org_id = $1 and c.deal_id = any($2::uuid[]) order by c.deal_id, c.share desc, c.rep_id;

-- name: stages_of_deals
-- Each stay in a stage, in order; the same stage told twice running is one stay.
select deal_id, stage, entered_at, lead(entered_at) over (partition by deal_id order by entered_at) as left_at
from (
  select deal_id, stage, entered_at,
    lag(stage) over (partition by deal_id order by entered_at) is distinct from stage as entered
  from deal_stage where org_id = $1 and deal_id = any($2::uuid[])
) s
where entered order by deal_id, entered_at;
