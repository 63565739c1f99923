-- Whether facts, credits, the ledger, statements and exports agree: each of these finds nothing when all is well.

-- name: deals_without_their_credits
-- Deals whose credits do not sum to them, or say another day or state; and credits of deals that are gone.
select d.deal_id, case when d.deleted then 0 else round(d.amount * d.exchange_rate, $2) end as expected,
  coalesce(c.amount, 0) as found
from deal d
left join lateral (
  select sum(c.amount) as amount, bool_and(c.status = d.status and c.closed_day is not distinct from d.closed_day) as same
  from credit c where c.org_id = d.org_id and c.deal_id = d.deal_id
) c on true
where d.org_id = $1 and (
  case when d.deleted then c.same is not null
    else c.amount is distinct from round(d.amount * d.exchange_rate, $2) or c.same is distinct from true end)
order by d.deal_id;

-- name: statements_off_their_lines
-- Statements whose total is not the sum of their lines.
select s.statement_id, s.rep_id, s.total as found, coalesce(sum(e.amount), 0) as expected
from statement s left join earning e on e.org_id = s.org_id and e.statement_id = s.statement_id
where s.org_id = $1
group by s.statement_id, s.rep_id, s.total
having s.total <> coalesce(sum(e.amount), 0)
order by s.statement_id;

-- name: reversals_that_miss
-- Reversals of another amount, rep or period than what they reverse.
select r.line_id, r.rep_id, -e.amount as expected, r.amount as found
from earning r join earning e on e.org_id = r.org_id and e.line_id = r.reverses
where r.org_id = $1 and (r.amount, r.rep_id, r.origin_starts_on, r.currency, r.key)
  is distinct from (-e.amount, e.rep_id, e.origin_starts_on, e.currency, e.key)
order by r.line_id;

-- name: lines_paid_twice
-- Lines of the same cause of which more than one holds.
select e.rep_id, e.plan_id, e.origin_starts_on, e.key, count(*) as found
from earning e
where e.org_id = $1 and e.plan_id is not null and e.kind <> 'REVERSAL'
  and not exists (select from earning u where u.org_id = $1 and u.reverses = e.line_id)
group by e.rep_id, e.plan_id, e.origin_starts_on, e.key
having count(*) > 1;

-- name: lines_after_the_lock
-- Lines that were written to a statement after it was locked.
select e.line_id, e.rep_id, e.amount as found
from earning e join statement s on s.org_id = e.org_id and s.statement_id = e.statement_id
where e.org_id = $1 and e.created_at > s.locked_at
order by e.line_id;

-- name: statements_out_of_step
-- Statements of a locked period that are not locked, and locked ones of an open period.
select s.statement_id, s.rep_id, s.state as found,
  case when p.starts_on is null then 'ESTIMATED' when p.paid_at is null then 'LOCKED' else 'PAID' end as expected
from statement s
left join pay_period p on p.org_id = s.org_id and p.period_kind = s.period_kind and p.starts_on = s.starts_on
where s.org_id = $1 and (s.state in ('LOCKED', 'PAID')) is distinct from (p.starts_on is not null)
order by s.statement_id;

-- name: exports_off_their_statements
-- Exports whose control total of a currency is not what the statements of the period sum to, or whose bytes changed.
select x.export_id, t.currency, t.expected, t.found
from payroll_export x
cross join lateral (
  select coalesce(s.currency, k.currency) as currency, coalesce(s.total, 0) as expected, coalesce(k.total, 0) as found
  from (
    select s.currency, sum(s.total) as total from statement s
    where s.org_id = x.org_id and s.period_kind = x.period_kind and s.starts_on = x.starts_on group by s.currency
  ) s
  full join (select k.key as currency, k.value::numeric as total from jsonb_each_text(x.totals) k) k
    on k.currency = s.currency
) t
where x.org_id = $1 and t.expected <> t.found
union all
select x.export_id, null, 0, 1
from payroll_export x join payroll_export f on f.org_id = x.org_id and f.export_id = coalesce(x.repeats, x.export_id)
where x.org_id = $1 and (sha256(convert_to(f.csv, 'UTF8')), sha256(convert_to(f.json, 'UTF8')))
  is distinct from (x.csv_sha256, x.json_sha256)
order by 1, 2;

-- name: waiting
-- Whether facts wait to be computed: until then nothing has to agree.
select exists (select from dirty_mark where org_id = $1);

-- name: paid_reps
-- Everybody who is or was on a plan, or has lines.
select rep_id from incentive_assignment where org_id = $1
union select rep_id from earning where org_id = $1;
