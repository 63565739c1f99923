-- Statements and their lines, locked periods, disputes, payroll.

-- name: ledger_lock
-- Whoever writes lines or locks periods waits for whoever does: what was read of either stays true.
select pg_advisory_xact_lock(hashtextextended('ledger', hashtextextended(($1::uuid)::text, 0)));

-- name: unsettled
-- Whether facts about days of a period wait to be put into statements.
select exists (
  select from dirty_mark
  where org_id = $1 and touch in ('ALL', 'DEAL_CLOSED', 'EARNINGS') and from_day < $3
    and (through_day is null or through_day >= $2));

-- name: periods_locked
-- The periods that do not change any more.
select period_kind, starts_on, ends_on, locked_at, paid_at from pay_period where org_id = $1;

-- name: period_locked
-- A period that does not change any more.
select period_kind, starts_on, ends_on, locked_at, paid_at from pay_period
where org_id = $1 and period_kind = $2 and starts_on = $3;

-- name: period_lock
-- From now on its statements stay.
insert into pay_period (org_id, period_kind, starts_on, ends_on, locked_by, locked_at) values ($1, $2, $3, $4, $5, $6);

-- name: period_pay
-- It was paid.
update pay_period set paid_by = $4, paid_at = $5
where org_id = $1 and period_kind = $2 and starts_on = $3 and paid_at is null;

-- name: statements_add
-- The statements of periods that have none yet.
insert into statement
  (org_id, statement_id, rep_id, period_kind, starts_on, ends_on, currency, computed_at, inputs_through)
select $1, s.*, $8, $9
from unnest($2::uuid[], $3::uuid[], $4::text[], $5::date[], $6::date[], $7::text[]) s
on conflict (org_id, rep_id, period_kind, starts_on) do nothing;

-- name: statements_found
-- The statements of these reps and periods, locked in one order.
select s.* from statement s
join unnest($2::uuid[], $3::text[], $4::date[]) k (rep_id, period_kind, starts_on)
  on s.rep_id = k.rep_id and s.period_kind = k.period_kind and s.starts_on = k.starts_on
where s.org_id = $1
order by s.statement_id
for update of s;

-- name: statements_for_update
-- Statements by id, locked in one order.
select * from statement where org_id = $1 and statement_id = any($2::uuid[]) order by statement_id for update;

-- name: statements_of_period
-- All statements of a period, locked in one order.
select * from statement where org_id = $1 and period_kind = $2 and starts_on = $3 order by statement_id for update;

-- name: statements_total
-- The totals of statements that got lines, from their lines. What was approved was another total: it is an estimate again.
update statement s set
  earned = t.earned, carried = t.carried, adjusted = t.adjusted, drawn = t.drawn,
  total = t.earned + t.carried + t.adjusted + t.drawn, version = s.version + 1, state = 'ESTIMATED', approved_by = null,
  approved_at = null, computed_at = $3, inputs_through = coalesce($4, s.inputs_through)
from (
  select k.statement_id, sums.*
  from unnest($2::uuid[]) k (statement_id)
  cross join lateral (
    select
      coalesce(sum(l.amount) filter (where not l.late and l.kind not in ('ADJUSTMENT', 'DRAW', 'RECOVERY')), 0) as earned,
      coalesce(sum(l.amount) filter (where l.late), 0) as carried,
      coalesce(sum(l.amount) filter (where not l.late and l.kind = 'ADJUSTMENT'), 0) as adjusted,
      coalesce(sum(l.amount) filter (where not l.late and l.kind in ('DRAW', 'RECOVERY')), 0) as drawn
    from (
      select e.amount,
        e.origin_starts_on <> (select o.starts_on from statement o where o.org_id = $1 and o.statement_id = k.statement_id)
          as late,
        case when e.reverses is null then e.kind
          else (select r.kind from earning r where r.org_id = $1 and r.line_id = e.reverses) end as kind
      from earning e where e.org_id = $1 and e.statement_id = k.statement_id
      offset 0
    ) l
  ) sums
) t
where s.org_id = $1 and s.statement_id = t.statement_id and s.state in ('ESTIMATED', 'APPROVED')
returning s.*;

-- name: statements_approve
-- Seen and found right.
update statement set state = 'APPROVED', approved_by = $3, approved_at = $4, version = version + 1
where org_id = $1 and statement_id = any($2::uuid[]) returning *;

-- name: statements_lock
-- With their period.
update statement set state = 'LOCKED', locked_by = $4, locked_at = $5, version = version + 1
where org_id = $1 and period_kind = $2 and starts_on = $3 returning *;

-- name: statements_pay
-- With their period.
update statement set state = 'PAID', paid_by = $4, paid_at = $5, version = version + 1
where org_id = $1 and period_kind = $2 and starts_on = $3 returning *;

-- name: payee_currency
-- What a rep is paid in.
select coalesce((select currency from payee where org_id = $1 and rep_id = $2), o.currency) as currency
from organization o join rep r on r.org_id = o.org_id and r.rep_id = $2 where o.org_id = $1;

-- name: lines_add
-- Written once.
insert into earning (org_id, line_id, statement_id, rep_id, period_kind, origin_starts_on, kind, plan_id, plan_version,
  component, deal_id, key, base, amount, currency, calculation_id, reverses, reason, created_by, created_at)
select $1, l.*, $19, $20
from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::date[], $7::text[], $8::uuid[], $9::int[], $10::text[],
  $11::uuid[], $12::text[], $13::numeric[], $14::numeric[], $15::text[], $16::uuid[], $17::uuid[], $18::text[]) l;

-- name: lines_by_id
-- Lines of the ledger.
select line_id, statement_id, rep_id, period_kind, origin_starts_on, kind, plan_id, plan_version, component, deal_id, key,
  base, amount, currency, calculation_id, reverses, reason
from earning where org_id = $1 and line_id = any($2::uuid[]);

-- name: dispute_add
-- One at a time for a line.
insert into dispute (org_id, dispute_id, rep_id, statement_id, line_id, status, item_id, opened_by, opened_at)
values ($1, $2, $3, $4, $5, 'OPEN', $6, $7, $8)
on conflict do nothing
returning dispute_id, rep_id, statement_id, line_id, status, item_id, version;

-- name: dispute_item_add
-- Tells the approver; the words of the dispute, and money, stay with the dispute.
insert into action_item (org_id, item_id, kind, status, title, body, rep_id, assignee_id, priority, due_on, created_at,
  updated_at)
values ($1, $2, 'DISPUTE', 'OPEN', $3, $4, $5, $6, $7, $8, $9, $9);

-- name: dispute_for_update
-- A dispute, locked.
select dispute_id, rep_id, statement_id, line_id, status, item_id, version from dispute
where org_id = $1 and dispute_id = $2 for update;

-- name: dispute_close
-- It was answered, or taken back.
update dispute set status = $3, closed_at = $4, version = version + 1 where org_id = $1 and dispute_id = $2
returning dispute_id, rep_id, statement_id, line_id, status, item_id, version;

-- name: dispute_event_add
-- A line of its timeline.
insert into dispute_event (org_id, dispute_id, event_id, kind, actor_id, comment, line_id, occurred_at)
values ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: dispute_item
-- The action item of a dispute as it stands.
select item_id, status, assignee_id from action_item where org_id = $1 and item_id = $2 for update;

-- name: item_done
-- The dispute was closed.
update action_item set status = 'DONE', outcome = $3, snoozed_until = null, version = version + 1, updated_at = $4,
  closed_at = $4
where org_id = $1 and item_id = $2;

-- name: payroll_rows
-- What a locked period pays to whom, by the keys that payroll knows.
select r.external_id, r.name, s.currency, s.earned, s.carried, s.adjusted, s.drawn, s.total, s.ends_on
from statement s join rep r on r.org_id = s.org_id and r.rep_id = s.rep_id
where s.org_id = $1 and s.period_kind = $2 and s.starts_on = $3
order by r.external_id collate "C";

-- name: exports_of_period
-- The runs of a period, the first one first.
select export_id, period_kind, starts_on, run, repeats, rows, totals, csv, json from payroll_export
where org_id = $1 and period_kind = $2 and starts_on = $3 order by run;

-- name: export_add
-- A run.
insert into payroll_export (org_id, export_id, period_kind, starts_on, run, repeats, rows, totals, csv, json, csv_sha256,
  json_sha256, created_by, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);
