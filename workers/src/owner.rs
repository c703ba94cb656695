use tokio_util::sync::CancellationToken;

/// The process that leases jobs, and whether it is asked to end: what is left of a job is given back then, so that whoever
/// is next need not wait until the lease is over.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Unique among the processes of an installation, and never used again.
    pub name: String,
    /// Jobs end at their next page.
    pub stop: CancellationToken,
}
