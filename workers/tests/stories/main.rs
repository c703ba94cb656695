//! Stories through use cases, projections and workers, on each database.

mod backend;
mod bulk;
mod dry_run;
mod expired;
mod fan_out;
mod full_disk;
mod history;
mod lint;
mod listening;
mod log_ins;
mod mail;
mod moves;
mod people;
mod presence;
mod races;
mod refusals;
mod removal;
mod requests;
mod reverting;
mod secrets;
mod templates;
mod tenancy;
mod time_travel;
mod tokens;
mod variables;
mod world;
