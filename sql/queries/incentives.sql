-- Incentive plans, who is on them, and what they pay on besides deals: credits by hand, overlays, rates, scores.

-- name: organization
-- What the organisation decides of pay.
select currency, managers_see_pay, several_spiffs from organization where org_id = $1;

-- name: managers_see_pay
-- Whether managers see the pay of the reps below them.
select managers_see_pay from organization where org_id = $1;

-- name: plans_lock
-- One at a time decides what is published: what it saw of the other plans stays true.
select pg_advisory_xact_lock(hashtextextended('incentive_plans', hashtextextended(($1::uuid)::text, 0)));

-- name: plans_add
-- A new plan; one whose key exists stays as it is.
insert into incentive_plan (org_id, plan_id, key, name, period_kind, created_at) values ($1, $2, $3, $4, $5, $6)
on conflict (org_id, key) do nothing
returning plan_id;

-- name: plan_for_update
-- A plan by its id or its key, locked.
select plan_id, key, name, period_kind, published, draft, archived_on, version from incentive_plan
where org_id = $1 and (plan_id = $2 or key = $3) for update;

-- name: plan_draft
-- What the next version is to say; null when it was published.
update incentive_plan set draft = $3, name = $4, period_kind = $5, drafted_by = $6, drafted_at = $7, version = version + 1
where org_id = $1 and plan_id = $2;

-- name: plan_published
-- The draft became a version.
update incentive_plan set published = $3, draft = null, drafted_by = null, drafted_at = null, version = version + 1
where org_id = $1 and plan_id = $2;

-- name: plan_archive
-- From a day on it pays nothing.
update incentive_plan set archived_on = $3, version = version + 1 where org_id = $1 and plan_id = $2;

-- name: plan_version_add
-- Written once.
insert into incentive_plan_version
  (org_id, plan_id, version, name, document, starts_on, ends_on, published_by, published_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: plan_versions
-- Every published version of some plans, or of all.
select v.plan_id, v.version, v.document, v.published_by, v.published_at, p.key, p.archived_on
from incentive_plan_version v join incentive_plan p on p.org_id = v.org_id and p.plan_id = v.plan_id
where v.org_id = $1 and ($2::uuid[] is null or v.plan_id = any($2::uuid[]))
order by v.plan_id, v.version;

-- name: plan_versions_in_force
-- Each plan that is not archived, as last published.
select p.plan_id, p.key, v.version, v.document
from incentive_plan p
join incentive_plan_version v on v.org_id = p.org_id and v.plan_id = p.plan_id and v.version = p.published
where p.org_id = $1 and p.archived_on is null
order by p.key;

-- name: teams_by_key
-- The tree of teams by external ids.
select t.team_id, t.external_id, up.external_id as parent from team t
left join team up on up.org_id = t.org_id and up.team_id = t.parent_id
where t.org_id = $1;

-- name: kpis_by_key
-- What components and gates may count besides credits, as the KPI is defined now.
select distinct on (k.kpi_id) k.key, k.kpi_id, v.formula from kpi k
join kpi_version v on v.org_id = k.org_id and v.kpi_id = k.kpi_id
where k.org_id = $1 order by k.kpi_id, v.version desc;

-- name: roles
-- The job roles that reps have, and the reps' keys.
select external_id, role from rep where org_id = $1;

-- name: assignments_of_plan
-- Who is on a plan, and was.
select plan_id, rep_id, starts_on, ends_on, target from incentive_assignment
where org_id = $1 and plan_id = $2 and ($3::uuid[] is null or rep_id = any($3::uuid[]))
order by rep_id, starts_on;

-- name: assignments_remove
-- Before the assignments of these reps to a plan are written anew.
delete from incentive_assignment where org_id = $1 and plan_id = $2 and rep_id = any($3::uuid[]);

-- name: assignments_add
-- Who is on a plan.
insert into incentive_assignment (org_id, plan_id, rep_id, starts_on, ends_on, target, created_by, created_at)
select $1, $2, a.*, $7, $8 from unnest($3::uuid[], $4::date[], $5::date[], $6::numeric[]) a;

-- name: reps_by_id
-- The reps that an action is about.
select rep_id, external_id, name, role, user_id, hired_on, left_on from rep where org_id = $1 and rep_id = any($2::uuid[]);

-- name: acknowledgement_add
-- Once for each version.
insert into incentive_acknowledgement (org_id, plan_id, version, rep_id, acknowledged_by, acknowledged_at)
values ($1, $2, $3, $4, $5, $6)
on conflict do nothing;

-- name: manual_credits_add
-- Written once.
insert into manual_credit
  (org_id, credit_id, rep_id, role, deal_id, day, amount, margin, units, reason, created_by, created_at)
select $1, c.*, $11, $12
from unnest($2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::date[], $7::numeric[], $8::numeric[], $9::numeric[],
  $10::text[]) c;

-- name: deals_exist
-- Which of these deals there are.
select deal_id from deal where org_id = $1 and deal_id = any($2::uuid[]);

-- name: overlay_add
-- Who is credited beside the sellers.
insert into overlay (org_id, overlay_id, rep_id, team_id, territory_id, product, share, starts_on, ends_on, reason,
  created_by, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: overlay_end
-- From a day on it credits nothing.
update overlay set ends_on = $3 where org_id = $1 and overlay_id = $2 and starts_on < $3 and (ends_on is null or ends_on > $3)
returning rep_id, starts_on;

-- name: subjects_exist
-- Whether a team and a territory exist; null is none asked for.
select ($2::uuid is null or exists (select from team where org_id = $1 and team_id = $2))
  and ($3::uuid is null or exists (select from territory where org_id = $1 and territory_id = $3));

-- name: rates_set
-- Rates by the day from which they hold.
insert into currency_rate as r (org_id, base, into_currency, valid_from, rate, created_by, created_at)
select $1, n.*, $6, $7 from unnest($2::text[], $3::text[], $4::date[], $5::numeric[]) n
on conflict (org_id, base, into_currency, valid_from) do update set
  rate = excluded.rate, created_by = excluded.created_by, created_at = excluded.created_at
where r.rate <> excluded.rate
returning valid_from;

-- name: rates
-- All rates, oldest first.
select base, into_currency, valid_from, rate from currency_rate where org_id = $1 order by valid_from;

-- name: payee_set
-- What a rep is paid in.
insert into payee (org_id, rep_id, currency) values ($1, $2, $3)
on conflict (org_id, rep_id) do update set currency = excluded.currency;

-- name: was_paid
-- Whether a rep has lines: from then on the currency stays.
select exists (select from earning where org_id = $1 and rep_id = $2);

-- name: scores_set
-- Objectives of reps' own, and how far objectives were reached.
insert into objective_score as o
  (org_id, plan_id, rep_id, component, objective, starts_on, score, note, name, weight, scored_by, scored_at)
select $1, $2, s.*, $11, $12
from unnest($3::uuid[], $4::text[], $5::text[], $6::date[], $7::numeric[], $8::text[], $9::text[], $10::numeric[]) s
on conflict (org_id, plan_id, rep_id, starts_on, component, objective) do update set
  score = excluded.score, note = excluded.note, name = excluded.name, weight = excluded.weight,
  scored_by = excluded.scored_by, scored_at = excluded.scored_at
where (o.score, o.note, o.name, o.weight) is distinct from (excluded.score, excluded.note, excluded.name, excluded.weight)
returning rep_id, starts_on;

-- name: comp_admins
-- Who may approve and answer, those longest here first.
select user_id from app_user where org_id = $1 and role = 'COMP_ADMIN' and active order by created_at, user_id;

-- name: assigned_reps
-- Who is on any plan on or after a day.
select distinct rep_id from incentive_assignment
where org_id = $1 and (ends_on is null or ends_on > $2) order by rep_id;
