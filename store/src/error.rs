//! What can go wrong with a database.

/// A boxed cause.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The database did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A statement or transaction failed.
    #[error("failed to {operation}")]
    Database {
        /// What was being done.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: Cause,
    },
    /// Full disk, lost connection, full queue: it may work again later.
    #[error("the database is not available: failed to {operation}")]
    Unavailable {
        /// What was being done.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: Cause,
    },
    /// A column does not hold what the reader expects.
    #[error("column {column} is not a {expected}")]
    Column {
        /// From 0.
        column: usize,
        /// The getter that was used.
        expected: &'static str,
    },
    /// The data was written by a newer program.
    #[error(
        "the data is of version {found}, this program knows versions up to {known}: start a newer wisptrail, or restore the copy made before the upgrade"
    )]
    Newer {
        /// Version of the data.
        found: i64,
        /// Newest version known here.
        known: i64,
    },
    /// What is opened only shows what was.
    #[error("nothing can be changed here: this only shows what was")]
    ReadOnly,
    /// The data folder or database is unusable as it is; the text says what to do.
    #[error("{0}")]
    Unusable(String),
}

/// What the database said, without the arguments of the statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct Failure {
    /// SQLSTATE on PostgreSQL, the extended result code on SQLite, or a word for what is neither.
    pub code: String,
    /// Names tables and constraints, never values.
    pub message: String,
}

impl Failure {
    pub(crate) fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

impl StoreError {
    /// Everything that is asked of a closed store.
    pub(crate) fn closed() -> Self {
        Self::unavailable("use a closed store", Failure::new("closed", "the store was closed"))
    }

    pub(crate) fn unavailable(operation: &'static str, failure: Failure) -> Self {
        Self::Unavailable { operation, source: Box::new(failure) }
    }

    pub(crate) fn database(operation: &'static str, failure: Failure) -> Self {
        Self::Database { operation, source: Box::new(failure) }
    }

    /// A column that is not what it should be.
    pub fn column(column: usize, expected: &'static str) -> Self {
        Self::Column { column, expected }
    }
}

/// A failure on its way: an engine's error before it is known who gets it.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    pub(crate) operation: &'static str,
    pub(crate) failure: Failure,
    /// It may work again later.
    pub(crate) passing: bool,
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        let Trouble { operation, failure, passing } = trouble;
        if passing {
            Self::unavailable(operation, failure)
        } else {
            Self::database(operation, failure)
        }
    }
}

/// Nothing that was said gets lost, and nothing else comes in: these texts are made of [`Failure`]s.
impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        let (operation, passing) = match &error {
            StoreError::Database { operation, .. } => (*operation, false),
            StoreError::Unavailable { operation, .. } => (*operation, true),
            _ => ("understand the answer", false),
        };
        let known = std::error::Error::source(&error).and_then(|source| source.downcast_ref());
        let failure: Option<&Failure> = known;
        let failure = failure.cloned().unwrap_or_else(|| Failure::new("answer", error.to_string()));
        Self { operation, failure, passing }
    }
}
