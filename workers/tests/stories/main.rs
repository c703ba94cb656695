//! Stories through use cases, projections and workers, on each database.

mod fan_out;
mod full_disk;
mod history;
mod tenancy;
mod world;
