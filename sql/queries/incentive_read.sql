-- What the graph reads of incentives. Sight of plans is an array of visible reps, sight of pay one of the reps whose pay the
-- viewer sees; null sees all.

-- name: plans_page
-- Plans by key, with what is drafted. Who does not see everybody sees published plans of the reps in sight.
select p.plan_id, p.key, p.name, p.period_kind, p.published, p.draft, p.drafted_by, p.drafted_at, p.archived_on, p.version,
  p.created_at
from incentive_plan p
where p.org_id = $1
  and ($2::uuid[] is null or (p.published is not null and exists (
    select from incentive_assignment a
    where a.org_id = p.org_id and a.plan_id = p.plan_id and a.rep_id = any($2::uuid[]))))
  and ($3::uuid[] is null or p.plan_id = any($3::uuid[])) and ($4::text is null or p.key = $4)
  and ($5::text[] is null or case when p.archived_on is not null then 'ARCHIVED' when p.published is null then 'DRAFT'
    else 'PUBLISHED' end = any($5::text[]))
  and ($6::text is null or p.key > $6)
order by p.key limit $7;

-- name: plans_count
-- Length of the whole list.
select count(*) from incentive_plan p
where p.org_id = $1
  and ($2::uuid[] is null or (p.published is not null and exists (
    select from incentive_assignment a
    where a.org_id = p.org_id and a.plan_id = p.plan_id and a.rep_id = any($2::uuid[]))))
  and ($3::text[] is null or case when p.archived_on is not null then 'ARCHIVED' when p.published is null then 'DRAFT'
    else 'PUBLISHED' end = any($3::text[]));

-- name: plan_versions_of
-- Published versions of plans, the newest first.
select plan_id, version, document, starts_on, ends_on, published_by, published_at
from incentive_plan_version where org_id = $1 and plan_id = any($2::uuid[])
order by plan_id, version desc;

-- name: assignments_of_plans
-- Who is on each plan, as far as it is seen, with the newest version that each acknowledged; by name.
select a.plan_id, a.rep_id, a.starts_on, a.ends_on, a.target, p.currency, k.version as acknowledged_version,
  k.acknowledged_at
from incentive_assignment a
join rep r on r.org_id = a.org_id and r.rep_id = a.rep_id
left join lateral (
  select v.document->>'currency' as currency from incentive_plan_version v
  where v.org_id = a.org_id and v.plan_id = a.plan_id order by v.version desc limit 1
) p on true
left join lateral (
  select k.version, k.acknowledged_at from incentive_acknowledgement k
  where k.org_id = a.org_id and k.plan_id = a.plan_id and k.rep_id = a.rep_id order by k.version desc limit 1
) k on true
where a.org_id = $1 and a.plan_id = any($2::uuid[]) and ($3::uuid[] is null or a.rep_id = any($3::uuid[]))
order by a.plan_id, r.name, a.rep_id, a.starts_on;

-- name: assignments_of_reps
-- The plans that each rep is on, the latest first.
select a.rep_id, a.plan_id, a.starts_on, a.ends_on, a.target, p.currency, k.version as acknowledged_version,
  k.acknowledged_at
from incentive_assignment a
left join lateral (
  select v.document->>'currency' as currency from incentive_plan_version v
  where v.org_id = a.org_id and v.plan_id = a.plan_id order by v.version desc limit 1
) p on true
left join lateral (
  select k.version, k.acknowledged_at from incentive_acknowledgement k
  where k.org_id = a.org_id and k.plan_id = a.plan_id and k.rep_id = a.rep_id order by k.version desc limit 1
) k on true
where a.org_id = $1 and a.rep_id = any($2::uuid[])
order by a.rep_id, a.starts_on desc, a.plan_id;

-- name: statements_page
-- Statements whose pay is seen, the latest period first.
select s.statement_id, s.rep_id, s.period_kind, s.starts_on, s.ends_on, s.currency, s.state, s.earned, s.carried, s.adjusted,
  s.drawn, s.total, s.version, s.approved_by, s.approved_at, s.locked_by, s.locked_at, s.paid_by, s.paid_at, s.computed_at,
  s.inputs_through
from statement s
where s.org_id = $1 and ($2::uuid[] is null or s.rep_id = any($2::uuid[]))
  and ($3::uuid[] is null or s.rep_id = any($3::uuid[])) and ($4::text is null or s.period_kind = $4)
  and ($5::date is null or s.starts_on >= $5) and ($6::date is null or s.ends_on <= $6)
  and ($7::text[] is null or s.state = any($7::text[]))
  and ($9::uuid is null or s.starts_on < $8 or (s.starts_on = $8 and s.statement_id > $9))
order by s.starts_on desc, s.statement_id limit $10;

-- name: statements_count
-- Length of the whole list.
select count(*) from statement s
where s.org_id = $1 and ($2::uuid[] is null or s.rep_id = any($2::uuid[]))
  and ($3::uuid[] is null or s.rep_id = any($3::uuid[])) and ($4::text is null or s.period_kind = $4)
  and ($5::date is null or s.starts_on >= $5) and ($6::date is null or s.ends_on <= $6)
  and ($7::text[] is null or s.state = any($7::text[]));

-- name: statements_by_ids
-- Statements by id, whoever asks.
select s.statement_id, s.rep_id, s.period_kind, s.starts_on, s.ends_on, s.currency, s.state, s.earned, s.carried, s.adjusted,
  s.drawn, s.total, s.version, s.approved_by, s.approved_at, s.locked_by, s.locked_at, s.paid_by, s.paid_at, s.computed_at,
  s.inputs_through
from statement s
where s.org_id = $1 and s.statement_id = any($2::uuid[]);

-- name: statements_of_reps
-- The statement of each rep for each period, as far as its pay is seen.
select s.statement_id, s.rep_id, s.period_kind, s.starts_on, s.ends_on, s.currency, s.state, s.earned, s.carried, s.adjusted,
  s.drawn, s.total, s.version, s.approved_by, s.approved_at, s.locked_by, s.locked_at, s.paid_by, s.paid_at, s.computed_at,
  s.inputs_through
from unnest($2::uuid[], $3::text[], $4::date[]) k (rep_id, period_kind, starts_on)
join statement s on s.org_id = $1 and s.rep_id = k.rep_id and s.period_kind = k.period_kind and s.starts_on = k.starts_on
where $5::uuid[] is null or s.rep_id = any($5::uuid[]);

-- name: lines_of_statements
-- Lines as they were written; `reversed` where a line of the same statement takes this one back, or it is such a line.
select e.line_id, e.statement_id, e.rep_id, e.period_kind, e.origin_starts_on, e.kind, e.plan_id, e.plan_version, e.component,
  e.deal_id, e.key, e.base, e.amount, e.currency, e.calculation_id, e.reverses, coalesce(e.reason, m.reason) as reason,
  e.created_by, e.created_at,
  o.statement_id is not distinct from e.statement_id or exists (
    select from earning r
    where r.org_id = e.org_id and r.reverses = e.line_id and r.statement_id = e.statement_id) as reversed
from earning e
left join earning o on o.org_id = e.org_id and o.line_id = e.reverses
left join manual_credit m on m.org_id = e.org_id
  and m.credit_id = case when e.key like '%:credit:%' then split_part(e.key, ':credit:', 2)::uuid end
where e.org_id = $1 and e.statement_id = any($2::uuid[])
order by e.statement_id, e.line_id;

-- name: lines_by_ids
-- Lines by id, as far as their pay is seen.
select e.line_id, e.statement_id, e.rep_id, e.period_kind, e.origin_starts_on, e.kind, e.plan_id, e.plan_version, e.component,
  e.deal_id, e.key, e.base, e.amount, e.currency, e.calculation_id, e.reverses, coalesce(e.reason, m.reason) as reason,
  e.created_by, e.created_at,
  o.statement_id is not distinct from e.statement_id or exists (
    select from earning r
    where r.org_id = e.org_id and r.reverses = e.line_id and r.statement_id = e.statement_id) as reversed
from earning e
left join earning o on o.org_id = e.org_id and o.line_id = e.reverses
left join manual_credit m on m.org_id = e.org_id
  and m.credit_id = case when e.key like '%:credit:%' then split_part(e.key, ':credit:', 2)::uuid end
where e.org_id = $1 and e.line_id = any($2::uuid[]) and ($3::uuid[] is null or e.rep_id = any($3::uuid[]));

-- name: disputes_page
-- Disputes whose pay is seen, the latest first.
select d.dispute_id, d.rep_id, d.statement_id, d.line_id, d.status, d.item_id, d.version, d.opened_by, d.opened_at,
  d.closed_at
from dispute d
where d.org_id = $1 and ($2::uuid[] is null or d.rep_id = any($2::uuid[]))
  and ($3::uuid[] is null or d.dispute_id = any($3::uuid[])) and ($4::uuid is null or d.rep_id = $4)
  and ($5::text[] is null or d.status = any($5::text[]))
  and ($7::uuid is null or d.opened_at < $6 or (d.opened_at = $6 and d.dispute_id > $7))
order by d.opened_at desc, d.dispute_id limit $8;

-- name: disputes_count
-- Length of the whole list.
select count(*) from dispute d
where d.org_id = $1 and ($2::uuid[] is null or d.rep_id = any($2::uuid[])) and ($3::uuid is null or d.rep_id = $3)
  and ($4::text[] is null or d.status = any($4::text[]));

-- name: disputes_of_lines
-- The disputes of lines, the latest first.
select d.dispute_id, d.rep_id, d.statement_id, d.line_id, d.status, d.item_id, d.version, d.opened_by, d.opened_at,
  d.closed_at
from dispute d where d.org_id = $1 and d.line_id = any($2::uuid[])
order by d.line_id, d.opened_at desc, d.dispute_id;

-- name: events_of_disputes
-- What happened to disputes, oldest first.
select e.dispute_id, e.event_id, e.kind, e.actor_id, e.comment, e.line_id, e.occurred_at
from dispute_event e where e.org_id = $1 and e.dispute_id = any($2::uuid[])
order by e.dispute_id, e.event_id;

-- name: exports_page
-- Runs of payroll exports, the latest first.
select x.export_id, x.period_kind, x.starts_on, x.run, x.repeats, x.rows, x.totals, x.csv_sha256, x.json_sha256,
  x.created_by, x.created_at
from payroll_export x
where x.org_id = $1 and ($2::uuid[] is null or x.export_id = any($2::uuid[]))
  and ($3::text is null or (x.period_kind = $3 and x.starts_on = $4)) and ($5::uuid is null or x.export_id < $5)
order by x.export_id desc limit $6;

-- name: exports_count
-- Length of the whole list.
select count(*) from payroll_export x
where x.org_id = $1 and ($2::text is null or (x.period_kind = $2 and x.starts_on = $3));

-- name: export_files
-- The bytes of exports: of a repetition those of the first run.
select x.export_id, f.csv, f.json
from payroll_export x
join payroll_export f on f.org_id = x.org_id and f.export_id = coalesce(x.repeats, x.export_id)
where x.org_id = $1 and x.export_id = any($2::uuid[]);

-- name: objectives
-- What reps were scored in, by plan and period: each asks for one of its plans.
select o.plan_id, o.rep_id, o.starts_on, o.component, o.objective, o.score, o.note, o.name, o.weight, o.scored_by, o.scored_at
from unnest($2::uuid[], $3::uuid[], $4::date[]) k (plan_id, rep_id, starts_on)
join objective_score o on o.org_id = $1 and o.plan_id = k.plan_id and o.rep_id = k.rep_id and o.starts_on = k.starts_on
order by o.plan_id, o.rep_id, o.starts_on, o.component, o.objective;

-- name: overlays_page
-- Who is credited beside the sellers, where pay is seen, the latest first day first.
select o.overlay_id, o.rep_id, o.team_id, o.territory_id, o.product, o.share, o.starts_on, o.ends_on, o.reason, o.created_by,
  o.created_at
from overlay o
where o.org_id = $1 and ($2::uuid[] is null or o.rep_id = any($2::uuid[]))
  and ($3::uuid[] is null or o.overlay_id = any($3::uuid[])) and ($4::uuid is null or o.rep_id = $4)
  and ($5::date is null or (o.starts_on <= $5 and (o.ends_on is null or o.ends_on > $5)))
  and ($7::uuid is null or o.starts_on < $6 or (o.starts_on = $6 and o.overlay_id > $7))
order by o.starts_on desc, o.overlay_id limit $8;

-- name: overlays_count
-- Length of the whole list.
select count(*) from overlay o
where o.org_id = $1 and ($2::uuid[] is null or o.rep_id = any($2::uuid[]))
  and ($3::uuid[] is null or o.overlay_id = any($3::uuid[])) and ($4::uuid is null or o.rep_id = $4)
  and ($5::date is null or (o.starts_on <= $5 and (o.ends_on is null or o.ends_on > $5)));

-- name: manual_credits_page
-- Credits by hand, where pay is seen, the latest day first.
select m.credit_id, m.rep_id, m.role, m.deal_id, m.day, m.amount, m.margin, m.units, m.reason, m.created_by, m.created_at
from manual_credit m
where m.org_id = $1 and ($2::uuid[] is null or m.rep_id = any($2::uuid[]))
  and ($3::uuid[] is null or m.credit_id = any($3::uuid[])) and ($4::uuid is null or m.rep_id = $4)
  and ($5::uuid is null or m.deal_id = $5) and ($6::date is null or m.day >= $6) and ($7::date is null or m.day < $7)
  and ($9::uuid is null or m.day < $8 or (m.day = $8 and m.credit_id > $9))
order by m.day desc, m.credit_id limit $10;

-- name: manual_credits_count
-- Length of the whole list.
select count(*) from manual_credit m
where m.org_id = $1 and ($2::uuid[] is null or m.rep_id = any($2::uuid[]))
  and ($3::uuid[] is null or m.credit_id = any($3::uuid[])) and ($4::uuid is null or m.rep_id = $4)
  and ($5::uuid is null or m.deal_id = $5) and ($6::date is null or m.day >= $6) and ($7::date is null or m.day < $7);

-- name: rates_page
-- Rates of exchange, the latest first day first.
select r.base, r.into_currency, r.valid_from, r.rate, r.created_by, r.created_at
from currency_rate r
where r.org_id = $1 and ($2::text is null or r.base = $2) and ($3::text is null or r.into_currency = $3)
  and ($4::date is null or r.valid_from < $4 or (r.valid_from = $4 and (r.base, r.into_currency) > ($5::text, $6::text)))
order by r.valid_from desc, r.base, r.into_currency limit $7;

-- name: rates_count
-- Length of the whole list.
select count(*) from currency_rate r
where r.org_id = $1 and ($2::text is null or r.base = $2) and ($3::text is null or r.into_currency = $3);
