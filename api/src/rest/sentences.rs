//! The one table from problems to the sentences of the reference.

use domain::Problem;

pub(super) const REQUIRED: &str = "This field is required.";
pub(super) const NULL: &str = "This field may not be null.";
pub(super) const BLANK: &str = "This field may not be blank.";
pub(super) const NO_CHOICE: &str =
    "Select a valid choice. That choice is not one of the available choices.";
pub(super) const NOT_AN_OBJECT: &str = "the supplied value is not a JSON object";
pub(super) const NOT_AN_ADDRESS: &str = "Enter a valid IPv4 or IPv6 address.";
pub(super) const NULL_CHARACTER: &str = "Null characters are not allowed.";
pub(super) const NO_PERMISSION: &str = "You do not have permission to perform this action.";
pub(super) const INVALID_PAGE: &str = "Invalid page.";
pub(super) const NOT_A_MANAGER: &str =
    "User is not a manager of the organization to which the requested resource belongs.";

/// A problem in words.
pub(super) fn sentence(problem: &Problem) -> String {
    match problem {
        Problem::Required => REQUIRED.to_owned(),
        Problem::Blank => BLANK.to_owned(),
        Problem::TooLong { max, .. } => {
            format!("Ensure this field has no more than {max} characters.")
        }
        Problem::NotAMacAddress => "Must be a valid mac address.".to_owned(),
        Problem::NotAHostname => "Must be either a valid hostname or mac address.".to_owned(),
        Problem::NotAKey => "This value must not contain spaces, dots or slashes.".to_owned(),
        Problem::NotASlug => {
            "Enter a valid \"slug\" consisting of letters, numbers, underscores or hyphens."
                .to_owned()
        }
        Problem::NullCharacter => NULL_CHARACTER.to_owned(),
        Problem::TooDeep => "This value is nested too deeply.".to_owned(),
        Problem::NotAChoice(value) => not_a_choice(value),
        Problem::Unknown(id) => unknown(id),
        Problem::Rule(rule) => rule.clone(),
    }
}

/// A reference to what does not exist for the one who asks.
pub(super) fn unknown(id: impl std::fmt::Display) -> String {
    format!("Invalid pk \"{id}\" - object does not exist.")
}

pub(super) fn not_a_choice(value: &str) -> String {
    format!("\"{value}\" is not a valid choice.")
}

pub(super) fn not_a_uuid(value: &str) -> String {
    format!("“{value}” is not a valid UUID.")
}

/// No such object, or none for the one who asks.
pub(super) fn no_match(model: &str) -> String {
    format!("No {model} matches the given query.")
}
