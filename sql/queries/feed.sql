-- Coaching rules and the action feed.

-- name: rules_on
-- The version of each rule in force on a day, with its KPI as defined on that day. Of both the last one that was defined, as
-- of all that has versions.
select r.*, k.version as kpi_version, k.valid_from as kpi_valid_from, k.name as kpi_name, k.description, k.category, k.unit,
  k.direction, k.is_leading, k.prorated, k.window_weeks, k.formula, k.kpi_key
from (
  select distinct on (v.rule_id) v.rule_id, r.key, v.version, v.valid_from, v.active, v.name, v.kpi_id, v.definition
  from coaching_rule_version v join coaching_rule r on r.org_id = v.org_id and r.rule_id = v.rule_id
  where v.org_id = $1 and v.valid_from <= $2
  order by v.rule_id, v.version desc
) r
cross join lateral (
  select k.*, named.key as kpi_key from kpi_version k
  join kpi named on named.org_id = k.org_id and named.kpi_id = k.kpi_id
  where k.org_id = $1 and k.kpi_id = r.kpi_id
  order by k.valid_from <= $2 desc, case when k.valid_from <= $2 then k.version else -k.version end desc limit 1
) k
order by r.key;

-- name: rule_for_update
-- A rule by its key, locked, with its newest version, so that two people do not publish the same one.
select r.rule_id, v.version, v.kpi_id from coaching_rule r
left join coaching_rule_version v on v.org_id = r.org_id and v.rule_id = r.rule_id
where r.org_id = $1 and r.key = $2
order by v.version desc limit 1 for update of r;

-- name: rules_add
-- New rules; those whose key exists stay as they are.
insert into coaching_rule (org_id, rule_id, key, created_at)
select $1, r.*, $4 from unnest($2::uuid[], $3::text[]) r
on conflict (org_id, key) do nothing
returning rule_id;

-- name: rule_versions_add
-- Versions are added, never changed.
insert into coaching_rule_version
  (org_id, rule_id, version, valid_from, active, name, kpi_id, definition, created_by, created_at)
select $1, v.*, $9, $10
from unnest($2::uuid[], $3::int[], $4::date[], $5::boolean[], $6::text[], $7::uuid[], $8::jsonb[]) v;

-- name: kpis_by_key
-- The KPIs that the default rules are about.
select key, kpi_id from kpi where org_id = $1 and key = any($2);

-- name: kpi_exists
-- Whether there is such a KPI.
select exists (select from kpi where org_id = $1 and kpi_id = $2);

-- name: currency
-- What money is spoken of in.
select currency from organization where org_id = $1;

-- name: subjects
-- Reps as the gates see them on a day, each with the manager of the nearest team up the tree that has one other than the rep.
select r.rep_id, r.name, r.role, r.hired_on, r.left_on, (
    select t.manager_id
    from assignment a
    join team_ancestor up on up.org_id = a.org_id and up.team_id = a.team_id
    join team t on t.org_id = up.org_id and t.team_id = up.ancestor_id
    where a.org_id = r.org_id and a.rep_id = r.rep_id
      and a.starts_on <= $3 and (a.ends_on is null or a.ends_on > $3)
      and t.manager_id is not null and t.manager_id is distinct from r.user_id
    order by up.depth limit 1
  ) as manager_id
from rep r where r.org_id = $1 and r.rep_id = any($2::uuid[])
order by r.rep_id;

-- name: leave_overlapping
-- When these reps were away in a stretch of days.
select rep_id, starts_on, ends_on from rep_leave
where org_id = $1 and rep_id = any($2::uuid[]) and starts_on < $4 and ends_on > $3
order by rep_id, starts_on;

-- name: rep_results
-- What rules look at of these reps. The weeks that are judged, $3 through $4, on all KPIs; on some KPIs those since a week of
-- each, to tell a trend. A weight of 1 is the mean of its scorecard; what is before $3 is not weighed. `offset 0` keeps the
-- order of the look-ups, rep by rep and week by week: right after an import the planner has no statistics and would multiply
-- tables.
select r.rep_id, k.kpi_id, s.week, k.value, k.numerator, k.denominator, k.sample, k.target, k.share as weight, s.workdays,
  s.workdays_available, k.kpi_version, s.template_id, s.template_version
from unnest($2::uuid[]) r (rep_id)
cross join lateral (
  select s.week, s.template_id, s.template_version, s.workdays, s.workdays_available from scorecard s
  where s.org_id = $1 and s.subject = 'REP' and s.subject_id = r.rep_id and s.week between $3 and $4
  offset 0
) s
cross join lateral (
  select k.*, k.weight / avg(k.weight) over () as share from kpi_result k
  where k.org_id = $1 and k.subject = 'REP' and k.subject_id = r.rep_id and k.week = s.week
) k
union all
select r.rep_id, k.kpi_id, s.week, k.value, k.numerator, k.denominator, k.sample, k.target, k.weight, s.workdays,
  s.workdays_available, k.kpi_version, s.template_id, s.template_version
from unnest($2::uuid[]) r (rep_id)
cross join lateral (
  select s.week, s.template_id, s.template_version, s.workdays, s.workdays_available from scorecard s
  where s.org_id = $1 and s.subject = 'REP' and s.subject_id = r.rep_id and s.week >= any($6::date[]) and s.week < $3
  offset 0
) s
cross join lateral (
  select k.* from kpi_result k
  where k.org_id = $1 and k.subject = 'REP' and k.subject_id = r.rep_id and k.week = s.week
  offset 0
) k
join unnest($5::uuid[], $6::date[]) t (kpi_id, since) on t.kpi_id = k.kpi_id and t.since <= k.week;

-- name: series
-- The weeks that evidence shows of each of these reps and KPIs, the oldest first.
select e.n, k.week, k.value, k.target
from unnest($2::uuid[], $3::uuid[], $4::date[], $5::date[]) with ordinality e (rep_id, kpi_id, since, through, n)
join kpi_result k on k.org_id = $1 and k.subject = 'REP' and k.subject_id = e.rep_id and k.kpi_id = e.kpi_id
  and k.week between e.since and e.through
order by e.n, k.week;

-- name: peer_results
-- For each rule, template and job role: how the reps did in a complete week. The median is exact (numeric): the mean of the
-- two middle values; prorated activity is scaled to a full week; the pooled rate is the ratio of sums. `offset 0` as above.
select rule.rule_id, s.template_id, r.role, count(*)::int as count,
  (percentile_disc(0.5) within group (order by v.level)
    + percentile_disc(0.5) within group (order by v.level desc)) / 2 as median,
  sum(k.numerator) / nullif(sum(k.denominator), 0) as pooled
from unnest($2::uuid[], $3::uuid[], $4::int[], $5::int[], $6::boolean[])
  rule (rule_id, kpi_id, min_sample, min_workdays, scaled)
cross join lateral (
  select k.subject_id, k.value, k.numerator, k.denominator from kpi_result k
  where k.org_id = $1 and k.kpi_id = rule.kpi_id and k.week = $7 and k.subject = 'REP'
    and k.value is not null and k.sample >= rule.min_sample
  offset 0
) k
cross join lateral (
  select s.template_id, s.workdays, s.workdays_available from scorecard s
  where s.org_id = $1 and s.subject = 'REP' and s.subject_id = k.subject_id and s.week = $7
    and s.workdays_available >= greatest(rule.min_workdays, 1)
  offset 0
) s
cross join lateral (select r.role from rep r where r.org_id = $1 and r.rep_id = k.subject_id offset 0) r
cross join lateral (
  select case when rule.scaled then k.value * s.workdays / s.workdays_available else k.value end as level
) v
group by rule.rule_id, s.template_id, r.role;

-- name: coaching_items
-- What the feed knows of these reps: live coaching items, locked, and those opened or closed since a moment.
select item_id, rep_id, kpi_id, rule_id, status, assignee_id, priority, evidence, due_on, created_at, closed_at from action_item
where org_id = $1 and rep_id = any($2::uuid[]) and kind = 'COACHING'
  and (status in ('OPEN', 'IN_PROGRESS', 'SNOOZED') or closed_at >= $3 or created_at >= $3)
order by item_id
for update;

-- name: coaching_items_add
-- Opened by rules. The id says what it is about, so the same one twice is one.
insert into action_item (org_id, item_id, kind, status, title, body, rep_id, assignee_id, kpi_id, rule_id, rule_version, week,
  evidence, priority, due_on, created_at, updated_at)
select $1, i.item_id, 'COACHING', 'OPEN', i.title, i.body, i.rep_id, i.assignee_id, i.kpi_id, i.rule_id, i.rule_version, i.week,
  i.evidence, i.priority, i.due_on, $14, $14
from unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[], $9::int[], $10::date[],
  $11::jsonb[], $12::int[], $13::date[])
  i (item_id, title, body, rep_id, assignee_id, kpi_id, rule_id, rule_version, week, evidence, priority, due_on)
on conflict do nothing
returning item_id;

-- name: items_close
-- Closed by Attain itself: recovered, or nothing to coach any more.
update action_item a set status = c.status, outcome = c.outcome, dismiss_reason = c.reason, snoozed_until = null,
  version = a.version + 1, updated_at = $6, closed_at = $6
from unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) c (item_id, status, outcome, reason)
where a.org_id = $1 and a.item_id = c.item_id;

-- name: items_prioritise
-- The place in the feed alone: nobody's edit is in conflict with it, so the version stays.
update action_item a set priority = p.priority, updated_at = $4
from unnest($2::uuid[], $3::int[]) p (item_id, priority)
where a.org_id = $1 and a.item_id = p.item_id;

-- name: items_wake
-- Snoozed items whose day has come.
update action_item set status = 'OPEN', snoozed_until = null, version = version + 1, updated_at = $3
where org_id = $1 and status = 'SNOOZED' and snoozed_until <= $2
returning item_id, rep_id, assignee_id;

-- name: reps_to_coach
-- Whom the daily round looks at: who is here on the day, and who left an item behind.
select r.rep_id from rep r
where r.org_id = $1 and (
  (r.hired_on <= $2 and (r.left_on is null or r.left_on > $2))
  or exists (select from action_item i where i.org_id = r.org_id and i.rep_id = r.rep_id and i.kind = 'COACHING'
    and i.status in ('OPEN', 'IN_PROGRESS', 'SNOOZED')))
order by r.rep_id;

-- name: events_add
-- Lines of the timeline.
insert into action_item_event (org_id, event_id, item_id, kind, comment, data, actor_id, occurred_at)
select $1, e.*, $7, $8
from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::jsonb[]) e;

-- name: item_add
-- An item made by hand.
insert into action_item (org_id, item_id, kind, status, title, body, rep_id, assignee_id, kpi_id, priority, due_on,
  created_at, updated_at)
values ($1, $2, 'MANUAL', 'OPEN', $3, $4, $5, $6, $7, $8, $9, $10, $10)
returning *;

-- name: item_for_update
-- An item, locked.
select * from action_item where org_id = $1 and item_id = $2 for update;

-- name: item_touch
-- Something was said about it; nothing that an edit could conflict with.
update action_item set updated_at = $3 where org_id = $1 and item_id = $2 returning *;

-- name: item_save
-- What a person's act changes of an item.
update action_item set status = $3, assignee_id = $4, snoozed_until = $5, outcome = $6, dismiss_reason = $7, closed_at = $8,
  version = version + 1, updated_at = $9
where org_id = $1 and item_id = $2
returning *;

-- name: assignable
-- Whether this user may be given work.
select active from app_user where org_id = $1 and user_id = $2;

-- name: items_page
-- A page of the feed. One number stands for the place in any of the orders, its sign for the direction; what has no due day
-- comes last.
select * from (
  select i.*, live.overdue, coalesce($14::numeric * case $15::text
      when 'PRIORITY' then i.priority
      when 'DUE_ON' then i.due_on - date '2000-01-01'
      else extract(epoch from i.created_at)
    end, 'infinity') as place
  from action_item i
  cross join lateral (
    select coalesce(i.status in ('OPEN', 'IN_PROGRESS', 'SNOOZED') and i.due_on < $4::date, false) as overdue
  ) live
  where i.org_id = $1
    and ($2::uuid[] is null or i.rep_id = any($2) or i.assignee_id = $3)
    and ($5::text[] is null or i.status = any($5))
    and ($6::text[] is null or i.kind = any($6))
    and ($7::uuid is null or i.rep_id = $7)
    and ($8::uuid is null or i.rep_id in (
      select a.rep_id from team_ancestor below
      join assignment a on a.org_id = below.org_id and a.team_id = below.team_id
      where below.org_id = $1 and below.ancestor_id = $8 and a.starts_on <= $4 and (a.ends_on is null or a.ends_on > $4)))
    and ($9::uuid is null or i.assignee_id = $9)
    and ($10::uuid is null or i.rule_id = $10)
    and ($11::boolean is null or $11 = live.overdue)
    and ($12::date is null or i.due_on >= $12)
    and ($13::date is null or i.due_on < $13)
) placed
where $16::numeric is null or (place, item_id) > ($16, $17::uuid)
order by place, item_id
limit $18;

-- name: items_count
-- The length of the same list.
select count(*) from (
  select from action_item i
  cross join lateral (
    select coalesce(i.status in ('OPEN', 'IN_PROGRESS', 'SNOOZED') and i.due_on < $4::date, false) as overdue
  ) live
  where i.org_id = $1
    and ($2::uuid[] is null or i.rep_id = any($2) or i.assignee_id = $3)
    and ($5::text[] is null or i.status = any($5))
    and ($6::text[] is null or i.kind = any($6))
    and ($7::uuid is null or i.rep_id = $7)
    and ($8::uuid is null or i.rep_id in (
      select a.rep_id from team_ancestor below
      join assignment a on a.org_id = below.org_id and a.team_id = below.team_id
      where below.org_id = $1 and below.ancestor_id = $8 and a.starts_on <= $4 and (a.ends_on is null or a.ends_on > $4)))
    and ($9::uuid is null or i.assignee_id = $9)
    and ($10::uuid is null or i.rule_id = $10)
    and ($11::boolean is null or $11 = live.overdue)
    and ($12::date is null or i.due_on >= $12)
    and ($13::date is null or i.due_on < $13)
) found;

-- name: items_by_ids
-- Items by id, whoever asks.
select i.*, coalesce(i.status in ('OPEN', 'IN_PROGRESS', 'SNOOZED') and i.due_on < $2::date, false) as overdue
from action_item i
where i.org_id = $1 and i.item_id = any($3::uuid[]);

-- name: items_of_reps
-- The most urgent items of each of many reps, from a place on.
select i.*, coalesce(i.status in ('OPEN', 'IN_PROGRESS', 'SNOOZED') and i.due_on < $3::date, false) as overdue
from unnest($2::uuid[]) r (rep_id)
cross join lateral (
  select i.*, -i.priority as place from action_item i
  where i.org_id = $1 and i.rep_id = r.rep_id and ($4::text[] is null or i.status = any($4))
    and ($5::numeric is null or (-i.priority, i.item_id) > ($5, $6::uuid))
  order by i.priority desc, i.item_id limit $7
) i
order by i.rep_id, i.place, i.item_id;

-- name: items_count_of_reps
-- How many items each of many reps has.
select rep_id, count(*) as count from action_item
where org_id = $1 and rep_id = any($2::uuid[]) and ($3::text[] is null or status = any($3))
group by rep_id;

-- name: events_of_items
-- The timelines of many items, oldest line first.
select event_id, item_id, kind, actor_id, comment, data, occurred_at from action_item_event
where org_id = $1 and item_id = any($2::uuid[])
order by item_id, occurred_at, event_id;

-- name: rules_page
-- Coaching rules by key: each as it is in force on a day, or as it will first be.
select v.*, r.key, newest.version as newest_version
from coaching_rule r
cross join lateral (
  select v.* from coaching_rule_version v where v.org_id = r.org_id and v.rule_id = r.rule_id
  order by v.valid_from <= $2 desc, case when v.valid_from <= $2 then v.version else -v.version end desc
  limit 1
) v
cross join lateral (
  select max(n.version) as version from coaching_rule_version n where n.org_id = r.org_id and n.rule_id = r.rule_id
) newest
where r.org_id = $1 and ($3::uuid[] is null or r.rule_id = any($3))
  and ($4::uuid is null or v.kpi_id = $4) and ($5::boolean is null or v.active = $5)
  and ($6::text is null or r.key > $6)
order by r.key
limit $7;

-- name: rules_count
-- The length of the same list.
select count(*) from coaching_rule r
cross join lateral (
  select v.kpi_id, v.active from coaching_rule_version v where v.org_id = r.org_id and v.rule_id = r.rule_id
  order by v.valid_from <= $2 desc, case when v.valid_from <= $2 then v.version else -v.version end desc
  limit 1
) v
where r.org_id = $1 and ($3::uuid is null or v.kpi_id = $3) and ($4::boolean is null or v.active = $4);

-- name: rule_versions
-- Every version of many rules, the newest first.
select v.*, r.key from coaching_rule_version v
join coaching_rule r on r.org_id = v.org_id and r.rule_id = v.rule_id
where v.org_id = $1 and v.rule_id = any($2::uuid[])
order by v.rule_id, v.version desc;

-- name: items_summary
-- How work stands by assignee, rep, rule or the rep's team of the day: live now, closed since a moment. The median is exact.
select grouped.*,
  case when done > 0 then round(((low + high) / 2 / 86400)::numeric, 2) end as median_days_to_done
from (
  select found.group_id, coalesce(found.group_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff') as place,
    count(*) filter (where found.live)::int as open,
    count(*) filter (where found.live and found.due_on < $4)::int as overdue,
    count(*) filter (where found.status = 'DONE')::int as done,
    count(*) filter (where found.status = 'DISMISSED')::int as dismissed,
    count(*) filter (where found.status = 'RECOVERED')::int as recovered,
    percentile_disc(0.5) within group (order by found.seconds) filter (where found.status = 'DONE') as low,
    percentile_disc(0.5) within group (order by found.seconds desc) filter (where found.status = 'DONE') as high
  from (
    select i.status, i.due_on, i.status in ('OPEN', 'IN_PROGRESS', 'SNOOZED') as live,
      extract(epoch from i.closed_at - i.created_at) as seconds,
      case $6::text
        when 'ASSIGNEE' then i.assignee_id
        when 'REP' then i.rep_id
        when 'RULE' then i.rule_id
        else (select a.team_id from assignment a where a.org_id = i.org_id and a.rep_id = i.rep_id
          and a.starts_on <= $4 and (a.ends_on is null or a.ends_on > $4))
      end as group_id
    from action_item i
    where i.org_id = $1 and ($2::uuid[] is null or i.rep_id = any($2) or i.assignee_id = $3)
      and (i.closed_at is null or $5::timestamptz is null or i.closed_at >= $5)
  ) found
  group by found.group_id
) grouped
where $7::uuid is null or grouped.place > $7
order by grouped.place
limit $8;
