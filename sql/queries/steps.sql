-- What is left of a recompute of everybody.

-- name: following
-- What is taken next.
select step, subject from recompute_step where org_id = $1 order by step, subject limit 1;

-- name: left
-- How much there is.
select count(*) from recompute_step where org_id = $1;

-- name: add_sums
-- Sums of these operands of every team, first of its own facts, then of the teams below.
insert into recompute_step as r (org_id, step, subject, subject_id, operand_id, from_day, through_day, inputs_through)
select $1, s.step, 'TEAM', t.team_id, o.operand_id, o.from_day, o.through_day, $5
from unnest($2::uuid[], $3::date[], $4::date[]) o (operand_id, from_day, through_day)
join team t on t.org_id = $1
cross join (values (1), (2)) s (step)
on conflict (org_id, step, subject, subject_id, operand_id) do update set
  from_day = least(r.from_day, excluded.from_day),
  through_day = case when r.through_day is null or excluded.through_day is null then null
    else greatest(r.through_day, excluded.through_day) end,
  inputs_through = greatest(r.inputs_through, excluded.inputs_through);

-- name: add_everybody
-- Scorecards of every rep and team.
insert into recompute_step as r (org_id, step, subject, subject_id, operand_id, from_day, through_day, inputs_through)
select $1, 3, s.subject, s.subject_id, '00000000-0000-0000-0000-000000000000', $2, $3, $4
from (select 'REP' as subject, rep_id as subject_id from rep where org_id = $1
  union all select 'TEAM', team_id from team where org_id = $1) s
on conflict (org_id, step, subject, subject_id, operand_id) do update set
  from_day = least(r.from_day, excluded.from_day), through_day = greatest(r.through_day, excluded.through_day),
  inputs_through = greatest(r.inputs_through, excluded.inputs_through);

-- name: add_scorecards
-- Scorecards of some.
insert into recompute_step as r (org_id, step, subject, subject_id, operand_id, from_day, through_day, inputs_through)
select $1, 3, s.subject, s.subject_id, '00000000-0000-0000-0000-000000000000', s.from_day, s.through_day, $6
from unnest($2::text[], $3::uuid[], $4::date[], $5::date[]) s (subject, subject_id, from_day, through_day)
on conflict (org_id, step, subject, subject_id, operand_id) do update set
  from_day = least(r.from_day, excluded.from_day), through_day = greatest(r.through_day, excluded.through_day),
  inputs_through = greatest(r.inputs_through, excluded.inputs_through);

-- name: take
-- The next so many of a step.
delete from recompute_step r using (
  select step, subject, subject_id, operand_id from recompute_step where org_id = $1 and step = $2 and subject = $3
  order by subject_id, operand_id limit $4
) t
where r.org_id = $1 and r.step = t.step and r.subject = t.subject and r.subject_id = t.subject_id
  and r.operand_id = t.operand_id
returning r.subject, r.subject_id, r.operand_id, r.from_day, r.through_day, r.inputs_through;
