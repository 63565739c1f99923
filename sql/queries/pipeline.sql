-- Facts from the CRM: activities, leads, deals with their stages and credits.

-- name: ingest_lock
-- One call at a time per kind of fact and source: what it decides by stays true until it writes. No two calls meet
-- row by row; other sources go on side by side. Shared with `org.calendar_lock`: the calendar that gives the days does
-- not change meanwhile.
select pg_advisory_xact_lock_shared(hashtextextended('calendar', hashtextextended(($1::uuid)::text, 0))),
  pg_advisory_xact_lock(hashtextextended('ingest' || $2 || $3, hashtextextended(($1::uuid)::text, 0)));

-- name: ingest_known
-- What items are checked against.
select o.currency,
  (select min(day) from calendar_day where org_id = $1) as first_day,
  (select max(day) from calendar_day where org_id = $1) as last_day
from organization o where o.org_id = $1;

-- name: reps_by_external_id
-- Owners of the facts of a call.
select external_id, rep_id from rep where org_id = $1 and external_id = any($2::text[]);

-- name: territories_by_external_id
-- Territories of the deals of a call.
select external_id, territory_id from territory where org_id = $1 and external_id = any($2::text[]);

-- name: activities_stored
-- What is known of the activities of a call.
select activity_id as id, external_id, source_updated_at, deleted, rep_id, kind, outcome, subject, occurred_at, day,
  minutes, deal_external_id
from activity where org_id = $1 and source = $2 and external_id = any($3::text[]);

-- name: leads_stored
-- What is known of the leads of a call.
select lead_id as id, external_id, source_updated_at, deleted, rep_id, channel, company, arrived_at, day,
  first_response_at, quoted_at
from lead where org_id = $1 and source = $2 and external_id = any($3::text[]);

-- name: deals_stored
-- What is known of the deals of a call, with the shares of their credits in the order that decides residual cents.
select d.deal_id as id, d.external_id, d.source_updated_at, d.deleted, d.rep_id, d.name, d.account, d.product, d.stage,
  d.status, d.amount, d.margin, d.units, d.currency, d.exchange_rate, d.territory_id, d.lead_external_id, d.opened_at,
  d.opened_day, d.closed_at, d.closed_day, d.expected_close_on, c.rep_ids, c.shares
from deal d
left join lateral (
  select array_agg(c.rep_id order by c.share desc, r.external_id collate "C") as rep_ids,
    array_agg(c.share order by c.share desc, r.external_id collate "C") as shares
  from credit c join rep r on r.org_id = c.org_id and r.rep_id = c.rep_id
  where c.org_id = d.org_id and c.deal_id = d.deal_id
) c on true
where d.org_id = $1 and d.source = $2 and d.external_id = any($3::text[]);

-- name: activities_save
-- New and changed activities of a call.
insert into activity (org_id, source, received_at, activity_id, external_id, source_updated_at, deleted, rep_id, kind,
  outcome, subject, occurred_at, day, minutes, deal_external_id)
select $1, $2, $3, a.*
from unnest($4::uuid[], $5::text[], $6::timestamptz[], $7::boolean[], $8::uuid[], $9::text[], $10::text[], $11::text[],
  $12::timestamptz[], $13::date[], $14::int[], $15::text[]) a
on conflict (org_id, activity_id) do update set
  received_at = excluded.received_at, source_updated_at = excluded.source_updated_at, deleted = excluded.deleted,
  rep_id = excluded.rep_id, kind = excluded.kind, outcome = excluded.outcome, subject = excluded.subject,
  occurred_at = excluded.occurred_at, day = excluded.day, minutes = excluded.minutes,
  deal_external_id = excluded.deal_external_id;

-- name: leads_save
-- New and changed leads of a call.
insert into lead (org_id, source, received_at, lead_id, external_id, source_updated_at, deleted, rep_id, channel, company,
  arrived_at, day, first_response_at, quoted_at)
select $1, $2, $3, l.*
from unnest($4::uuid[], $5::text[], $6::timestamptz[], $7::boolean[], $8::uuid[], $9::text[], $10::text[],
  $11::timestamptz[], $12::date[], $13::timestamptz[], $14::timestamptz[]) l
on conflict (org_id, lead_id) do update set
  received_at = excluded.received_at, source_updated_at = excluded.source_updated_at, deleted = excluded.deleted,
  rep_id = excluded.rep_id, channel = excluded.channel, company = excluded.company, arrived_at = excluded.arrived_at,
  day = excluded.day, first_response_at = excluded.first_response_at, quoted_at = excluded.quoted_at;

-- name: deals_save
-- New and changed deals of a call.
insert into deal (org_id, source, received_at, deal_id, external_id, source_updated_at, deleted, rep_id, name, account,
  product, stage, status, amount, margin, units, currency, exchange_rate, territory_id, lead_external_id, opened_at,
  opened_day, closed_at, closed_day, expected_close_on)
select $1, $2, $3, d.*
from unnest($4::uuid[], $5::text[], $6::timestamptz[], $7::boolean[], $8::uuid[], $9::text[], $10::text[], $11::text[],
  $12::text[], $13::text[], $14::numeric[], $15::numeric[], $16::numeric[], $17::text[], $18::numeric[], $19::uuid[],
  $20::text[], $21::timestamptz[], $22::date[], $23::timestamptz[], $24::date[], $25::date[]) d
on conflict (org_id, deal_id) do update set
  received_at = excluded.received_at, source_updated_at = excluded.source_updated_at, deleted = excluded.deleted,
  rep_id = excluded.rep_id, name = excluded.name, account = excluded.account, product = excluded.product,
  stage = excluded.stage, status = excluded.status, amount = excluded.amount, margin = excluded.margin,
  units = excluded.units, currency = excluded.currency, exchange_rate = excluded.exchange_rate,
  territory_id = excluded.territory_id, lead_external_id = excluded.lead_external_id, opened_at = excluded.opened_at,
  opened_day = excluded.opened_day, closed_at = excluded.closed_at, closed_day = excluded.closed_day,
  expected_close_on = excluded.expected_close_on, version = deal.version + 1;

-- name: activities_touch
-- The source confirmed them at a later time: nothing else changed.
update activity a set source_updated_at = t.at from unnest($2::uuid[], $3::timestamptz[]) t (id, at)
where a.org_id = $1 and a.activity_id = t.id;

-- name: leads_touch
-- The source confirmed them at a later time: nothing else changed.
update lead l set source_updated_at = t.at from unnest($2::uuid[], $3::timestamptz[]) t (id, at)
where l.org_id = $1 and l.lead_id = t.id;

-- name: deals_touch
-- The source confirmed them at a later time: nothing else changed.
update deal d set source_updated_at = t.at from unnest($2::uuid[], $3::timestamptz[]) t (id, at)
where d.org_id = $1 and d.deal_id = t.id;

-- name: credits_remove
-- Before the credits of changed deals are written anew.
delete from credit where org_id = $1 and deal_id = any($2::uuid[]);

-- name: credits_add
-- Who is credited with what; day, status and territory are the deal's.
insert into credit (org_id, deal_id, rep_id, share, amount, margin, units, status, opened_day, closed_day, territory_id)
select $1, c.deal_id, c.rep_id, c.share, c.amount, c.margin, c.units, d.status, d.opened_day, d.closed_day, d.territory_id
from unnest($2::uuid[], $3::uuid[], $4::numeric[], $5::numeric[], $6::numeric[], $7::numeric[])
  c (deal_id, rep_id, share, amount, margin, units)
join deal d on d.org_id = $1 and d.deal_id = c.deal_id;

-- name: stages_add
-- Stages that deals were in, as far as they are not known.
insert into deal_stage (org_id, deal_id, entered_at, stage, told_at)
select $1, s.deal_id, s.entered_at, s.stage, coalesce(s.told_at, '-infinity')
from unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::timestamptz[]) s (deal_id, entered_at, stage, told_at)
on conflict (org_id, deal_id, entered_at) do update set stage = excluded.stage, told_at = excluded.told_at
where excluded.told_at >= deal_stage.told_at
  and (excluded.stage, excluded.told_at) is distinct from (deal_stage.stage, deal_stage.told_at);
