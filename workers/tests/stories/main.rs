//! Stories through use cases, projections and workers, on each database.

mod fan_out;
mod history;
mod tenancy;
mod world;
