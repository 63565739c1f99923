-- What `attain bench` stores at once: a history that nobody would want to send through the API first.

-- name: reps
-- Whose facts they are.
select rep_id from rep where org_id = $1 order by external_id;

-- name: facts
-- How many there are.
select (select count(*) from activity where org_id = $1) + (select count(*) from lead where org_id = $1)
  + (select count(*) from deal where org_id = $1);

-- name: activities
-- Number $3 to $4 of activities of the reps $2, on days of the $5 before $6, in working hours.
insert into activity (org_id, activity_id, source, external_id, rep_id, kind, outcome, occurred_at, day, minutes,
  received_at)
select $1, gen_random_uuid(), 'history', n::text, ($2::uuid[])[1 + n % cardinality($2::uuid[])],
  (array['MEETING', 'CALL', 'CALL', 'PROPOSAL', 'QUOTE'])[1 + floor(random() * 5)::int], 'DONE',
  d.day + interval '9 hours' + random() * interval '8 hours', d.day, 5 + floor(random() * 55)::int, $6
from generate_series($3::int, $4::int) n
cross join lateral (select $6::timestamptz::date - 1 - floor(random() * $5::int + 0 * n)::int as day) d;

-- name: leads
-- The same of leads, most of them answered and quoted.
insert into lead (org_id, lead_id, source, external_id, rep_id, channel, company, arrived_at, day, first_response_at,
  quoted_at, received_at)
select $1, gen_random_uuid(), 'history', n::text, ($2::uuid[])[1 + n % cardinality($2::uuid[])], 'WEB', 'Acme ' || n,
  d.day + interval '10 hours', d.day, d.day + interval '10 hours' + random() * interval '2 days',
  case when random() < 0.9 then d.day + interval '3 days' + random() * interval '3 days' end, $6
from generate_series($3::int, $4::int) n
cross join lateral (select $6::timestamptz::date - 1 - floor(random() * $5::int + 0 * n)::int as day) d;

-- name: deals
-- The same of deals with their credits: 45 of 100 won, 35 lost, 20 open, after up to 90 days.
with deal as (
  insert into deal (org_id, deal_id, source, external_id, rep_id, name, stage, status, amount, margin, currency,
    exchange_rate, opened_at, opened_day, closed_at, closed_day, received_at)
  select $1, gen_random_uuid(), 'history', n::text, ($2::uuid[])[1 + n % cardinality($2::uuid[])], 'Deal ' || n, 'Stage',
    x.status, x.amount, x.amount / 5, 'USD', 1, x.day - x.days + interval '10 hours', x.day - x.days,
    case when x.status <> 'OPEN' then x.day + interval '15 hours' end, case when x.status <> 'OPEN' then x.day end, $6
  from generate_series($3::int, $4::int) n
  cross join lateral (
    select (array['WON', 'WON', 'WON', 'WON', 'LOST', 'LOST', 'LOST', 'OPEN', 'OPEN'])[1 + floor(random() * 9 + 0 * n)::int]
        as status,
      round((1000 + random() * 20000)::numeric, 2) as amount, floor(random() * 90)::int as days,
      $6::timestamptz::date - 1 - floor(random() * $5::int)::int as day
  ) x
  returning *
)
insert into credit (org_id, deal_id, rep_id, share, amount, margin, status, opened_day, closed_day)
select org_id, deal_id, rep_id, 1, amount, margin, status, opened_day, closed_day from deal;
