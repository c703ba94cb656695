//! What libuci refuses.

/// Why text is no UCI, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct SyntaxError {
    /// Counted from 1; for quotes that never end, where they begin.
    pub line: usize,
    /// What is wrong.
    pub reason: Reason,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The line begins with another word.
    #[error("neither package, config, option nor list")]
    UnknownCommand,
    /// The package, the type of a section or the name of an option is missing.
    #[error("the command is incomplete")]
    Incomplete,
    /// Something follows the value.
    #[error("the command has too many arguments")]
    TooManyArguments,
    /// A name holds other characters than letters, digits and `_` (packages: `-`, too).
    #[error("the name holds a character that names must not have")]
    Name,
    /// A type holds white space or characters beyond ASCII.
    #[error("the type holds a character that types must not have")]
    Type,
    /// The text ends inside quotes.
    #[error("the quote is never closed")]
    OpenQuote,
    /// A section stands before any `package`.
    #[error("the section belongs to no package")]
    NoPackage,
    /// An option stands before any `config`.
    #[error("the option belongs to no section")]
    NoSection,
    /// A `package` is announced twice.
    #[error("the package is there already")]
    RepeatedPackage,
    /// A section of this name has another type.
    #[error("a section of this name has another type")]
    TypeChanged,
    /// The text holds a zero character.
    #[error("the text holds a zero character")]
    Zero,
}
