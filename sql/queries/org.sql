-- The organisation: calendar, users, keys, teams, reps, leave, territories.

-- name: organization_add
-- A new tenant.
with listed as (insert into tenant (org_id) values ($1))
insert into organization (org_id, name, currency, created_at) values ($1, $2, $3, $4);

-- name: event_head_add
-- The log of a new tenant begins empty.
insert into event_head (org_id) values ($1);

-- name: calendar_add
-- A version of the rules of time; versions are never edited.
insert into calendar (org_id, version, valid_from, time_zone, week_starts_on, fiscal_start_month, fiscal_pattern,
  workdays, opens_at, closes_at, holidays, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: calendar_versions
-- All versions; a later one governs from its valid_from on, whatever earlier ones said.
select version, valid_from, time_zone, week_starts_on, fiscal_start_month, fiscal_pattern, workdays, opens_at, closes_at,
  holidays
from calendar where org_id = $1 order by version;

-- name: calendar_days_remove
-- Before the projection is written anew.
delete from calendar_day where org_id = $1;

-- name: calendar_days_add
-- The projection of the calendar, one row a day.
insert into calendar_day (org_id, day, calendar_version, week, month, quarter, year, is_workday, workdays_before,
  starts_at, opens_at, closes_at, business_seconds_before)
select $1, d.*
from unnest($2::date[], $3::int[], $4::date[], $5::date[], $6::date[], $7::date[], $8::bool[], $9::int[],
  $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::bigint[]) d;

-- name: calendar_day_last
-- How far ahead the projection reaches.
select max(day) from calendar_day where org_id = $1;

-- name: users_add
-- New people, all at once.
insert into app_user (org_id, user_id, external_id, email, name, role, active, created_at)
select $1, u.*, $8
from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bool[]) u;
