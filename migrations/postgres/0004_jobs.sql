-- owned by store: work that follows from events and is done at least once, under a lease

CREATE TABLE jobs (
  id              uuid        NOT NULL PRIMARY KEY,
  kind            text        NOT NULL,
  key             text        NOT NULL UNIQUE, -- reactor, position, target
  organization_id uuid,
  payload         json        NOT NULL,
  state           text        NOT NULL, -- queued | running | done | failed | cancelled | paused
  done_count      bigint      NOT NULL,
  total_count     bigint,
  cursor          text,                 -- where a batch goes on
  attempts        bigint      NOT NULL, -- since the last progress
  run_after       timestamptz NOT NULL,
  lease_owner     text,
  lease_until     timestamptz,
  error           text,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL
);

CREATE INDEX jobs_due ON jobs (kind, run_after) WHERE state = 'queued';
CREATE INDEX jobs_running ON jobs (kind, lease_until) WHERE state = 'running';
CREATE INDEX jobs_organization ON jobs (organization_id, created_at);
CREATE INDEX jobs_newest ON jobs (created_at, id);
