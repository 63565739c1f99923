-- The trace (W3C traceparent) of the operation that asked for work or made an event, for whoever goes on with it.
-- depends: 0007_incentives

-- migrate: apply

alter table org_work add column trace text;
alter table outbox add column trace text;
alter table event_log add column trace text;

-- migrate: rollback
