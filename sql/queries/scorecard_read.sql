-- What the graph reads of KPIs, templates and scorecards. Sight comes as two arrays, visible reps and visible teams; null
-- sees all.

-- name: kpis_page
-- Each KPI in the version that is in force on a day, or else in its first one; by key.
select k.key, v.*
from kpi k
cross join lateral (
  select kpi_id, version, valid_from, name, description, category, unit, direction, is_leading, prorated, window_weeks,
    formula, created_at
  from kpi_version v where v.org_id = k.org_id and v.kpi_id = k.kpi_id
  order by v.valid_from <= $2 desc, case when v.valid_from <= $2 then v.version else -v.version end desc limit 1
) v
where k.org_id = $1 and ($3::uuid[] is null or k.kpi_id = any($3::uuid[])) and ($4::text[] is null or k.key = any($4::text[]))
  and ($5::text[] is null or v.category = any($5::text[])) and ($6::text is null or k.key > $6)
order by k.key limit $7;

-- name: kpis_count
-- Length of the whole list.
select count(*)
from kpi k
where k.org_id = $1 and ($2::text[] is null or k.key = any($2::text[])) and ($3::text[] is null or (
  select v.category from kpi_version v where v.org_id = k.org_id and v.kpi_id = k.kpi_id order by v.version limit 1
) = any($3::text[]));

-- name: kpi_versions_of
-- Versions of KPIs, the newest first; with $3, those very ones.
select k.key, v.kpi_id, v.version, v.valid_from, v.name, v.description, v.category, v.unit, v.direction, v.is_leading,
  v.prorated, v.window_weeks, v.formula, v.created_at
from unnest($2::uuid[], $3::int[]) w (kpi_id, version)
join kpi_version v on v.org_id = $1 and v.kpi_id = w.kpi_id and (w.version is null or v.version = w.version)
join kpi k on k.org_id = v.org_id and k.kpi_id = v.kpi_id
order by v.kpi_id, v.version desc;

-- name: templates_page
-- Each template in the version that is in force on a day, or else in its first one; by key.
select s.key, v.*
from scorecard_template s
cross join lateral (
  select template_id, version, valid_from, name, team_id, role, created_at
  from scorecard_template_version v where v.org_id = s.org_id and v.template_id = s.template_id
  order by v.valid_from <= $2 desc, case when v.valid_from <= $2 then v.version else -v.version end desc limit 1
) v
where s.org_id = $1 and ($3::uuid[] is null or s.template_id = any($3::uuid[])) and ($4::text is null or s.key > $4)
order by s.key limit $5;

-- name: templates_count
-- Length of the whole list.
select count(*) from scorecard_template where org_id = $1;

-- name: template_versions_of
-- Versions of templates, the newest first; with $3, those very ones.
select s.key, v.template_id, v.version, v.valid_from, v.name, v.team_id, v.role, v.created_at
from unnest($2::uuid[], $3::int[]) w (template_id, version)
join scorecard_template_version v on v.org_id = $1 and v.template_id = w.template_id
  and (w.version is null or v.version = w.version)
join scorecard_template s on s.org_id = v.org_id and s.template_id = v.template_id
order by v.template_id, v.version desc;

-- name: template_lines
-- The KPIs of versions of templates, in their order.
select l.template_id, l.version, l.kpi_id, l.weight, l.weekly_target, l.on_track, l.at_risk
from unnest($2::uuid[], $3::int[]) w (template_id, version)
join scorecard_template_kpi l on l.org_id = $1 and l.template_id = w.template_id and l.version = w.version
order by l.template_id, l.version, l.position;

-- name: by_keys
-- Scorecards by subject and week, whoever asks; `place` is that of the key. $5 and $6 are those of all keys, or null.
select k.place, s.*
from unnest($2::uuid[], $3::text[], $4::date[]) with ordinality k (subject_id, subject, week, place)
join scorecard s on s.org_id = $1 and s.subject_id = k.subject_id
  and s.subject = case when $5::text is null then k.subject else $5 end
  and s.week = case when $6::date is null then k.week else $6 end;

-- name: by_key
-- One scorecard, to come along with its subject.
select s.* from scorecard s where s.org_id = $1 and s.subject_id = $2 and s.subject = $3 and s.week = $4;

-- name: page
-- One kind of subjects in a week, by score ($9 is 1 or -1) and those without one last.
select s.*, p.place
from scorecard s
cross join lateral (select coalesce(s.score * $9::int, 1e27) as place) p
where s.org_id = $1 and s.week = $2 and s.subject = $3
  and ($4::uuid[] is null or s.subject_id = any($4::uuid[])) and ($5::uuid[] is null or s.subject_id = any($5::uuid[]))
  and ($6::text[] is null or s.status = any($6::text[]))
  and ($7::numeric is null or (p.place, s.subject_id) > ($7::numeric, $8::uuid))
order by p.place, s.subject_id limit $10;

-- name: page_count
-- Length of the whole list.
select count(*) from scorecard s
where s.org_id = $1 and s.week = $2 and s.subject = $3
  and ($4::uuid[] is null or s.subject_id = any($4::uuid[])) and ($5::uuid[] is null or s.subject_id = any($5::uuid[]))
  and ($6::text[] is null or s.status = any($6::text[]));

-- name: members
-- The reps who are in a team, or below it, on one of the days `[$3, $4)`.
select distinct rep_id from subject_rep
where org_id = $1 and subject = 'TEAM' and subject_id = $2 and starts_on < $4 and ends_on > $3;

-- name: teams_below
-- A team and those below it.
select team_id from team_ancestor where org_id = $1 and ancestor_id = $2;

-- name: results_of
-- The KPIs of scorecards, in their order; whoever sees the scorecard sees them. Asked as above.
select k.place, r.*
from unnest($2::uuid[], $3::text[], $4::date[]) with ordinality k (subject_id, subject, week, place)
join kpi_result r on r.org_id = $1 and r.subject_id = k.subject_id
  and r.subject = case when $5::text is null then k.subject else $5 end
  and r.week = case when $6::date is null then k.week else $6 end
order by k.place, r.position;

-- name: results_by_key
-- The KPIs of one scorecard, in their order, to come along with it.
select r.* from kpi_result r
where r.org_id = $1 and r.subject_id = $2 and r.subject = $3 and r.week = $4 order by r.position;

-- name: series_of
-- A KPI of subjects in the weeks from..to, both included, in order.
select r.subject, r.subject_id, r.kpi_id, k.until, r.week, r.value, r.target, r.ratio, r.status
from unnest($2::text[], $3::uuid[], $4::uuid[], $5::date[], $6::date[]) k (subject, subject_id, kpi_id, since, until)
join kpi_result r on r.org_id = $1 and r.subject = k.subject and r.subject_id = k.subject_id and r.kpi_id = k.kpi_id
  and r.week between k.since and k.until
order by r.week;
