//! An account as clients send it.

use app::NewMembership;
use chrono::NaiveDate;
use domain::{OrganizationId, Permission, Permissions, accounts::ProfileField};
use secrecy::SecretString;

use super::super::{
    fields::{Extent, Fields, Text},
    sent::{self, Reader},
    sentences,
};

const USERNAME: &str = "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.";

/// Longest password that is looked at, in characters.
pub(super) const LONGEST: usize = 1024;

/// What clients may say about an account; what they leave out stays as it is.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) username: Option<String>,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) profile: Vec<(ProfileField, String)>,
    pub(super) is_active: Option<bool>,
    pub(super) is_staff: Option<bool>,
    pub(super) is_superuser: Option<bool>,
    #[expect(clippy::option_option, reason = "absent, null and a day are three things")]
    pub(super) expires_on: Option<Option<NaiveDate>>,
    pub(super) groups: Option<Vec<u32>>,
    pub(super) permissions: Option<Permissions>,
    pub(super) membership: Option<NewMembership>,
}

impl Sent {
    /// `new` accounts need an e-mail address.
    fn read(fields: &mut Fields<'_>, reader: Reader<'_>, new: bool) -> Self {
        let unlimited = reader.unlimited;
        let username = fields.short("username", Text::NAME, 150);
        let fits = |c: char| c.is_alphanumeric() || "@.+-_".contains(c);
        if username.as_deref().is_some_and(|name| !name.chars().all(fits)) {
            fields.refuse("username", USERNAME);
        }
        if new {
            fields.require("email");
        }
        let email = fields.email("email", Text::NULLABLE, 254);
        if new && email.as_deref() == Some("") {
            fields.refuse("email", "This field cannot be blank.");
        }
        let mut profile = Vec::new();
        for field in ProfileField::ALL {
            let (name, longest) = (field.as_str(), field.longest());
            let value = match field {
                ProfileField::BirthDate => {
                    let day = fields.day(name);
                    day.map(|day| day.map(|day| day.to_string()).unwrap_or_default())
                }
                ProfileField::Url => fields.url(name, Text::FREE, longest),
                _ => fields.short(name, Text::FREE, longest),
            };
            profile.extend(value.map(|value| (field, value)));
        }
        Self {
            username,
            email,
            phone: phone(fields),
            profile,
            is_active: fields.switch("is_active"),
            is_staff: fields.switch("is_staff"),
            // What others say of these means nothing.
            is_superuser: fields.switch("is_superuser").filter(|_| unlimited),
            permissions: permissions(fields).filter(|_| unlimited),
            expires_on: fields.day("expiration_date"),
            groups: fields.numbers("groups"),
            membership: membership(fields),
        }
    }
}

impl sent::Sent for Sent {
    const NAME: &'static str = "UserDetail";

    fn read(fields: &mut Fields<'_>, reader: Reader<'_>) -> Self {
        Self::read(fields, reader, false)
    }
}

/// A new account.
pub(super) struct New {
    pub(super) sent: Sent,
    pub(super) password: Option<SecretString>,
    pub(super) email_verified: Option<bool>,
}

impl sent::Sent for New {
    const NAME: &'static str = "User";

    fn read(fields: &mut Fields<'_>, reader: Reader<'_>) -> Self {
        let sent = Sent::read(fields, reader, true);
        let password = fields.short("password", Text::SECRET, LONGEST);
        let password = password.map(SecretString::from);
        Self { sent, password, email_verified: fields.switch("email_verified") }
    }
}

/// Judged like the use case does, in the words that clients know.
fn phone(fields: &mut Fields<'_>) -> Option<String> {
    let phone = fields.short("phone_number", Text::NULLABLE, 128)?;
    if app::is_phone(&phone) {
        return Some(phone);
    }
    fields.refuse("phone_number", "The phone number entered is not valid.");
    None
}

fn permissions(fields: &mut Fields<'_>) -> Option<Permissions> {
    let mut all = Permissions::NONE;
    for number in fields.numbers("user_permissions")? {
        match Permission::from_number(number.into()) {
            Some(permission) => all = all.with(permission),
            None => fields.refuse("user_permissions", sentences::unknown(number)),
        }
    }
    Some(all)
}

/// One organization, as an object; null is none.
fn membership(fields: &mut Fields<'_>) -> Option<NewMembership> {
    let read = |inner: &mut Fields<'_>| {
        (inner.reference("organization", true, true), inner.switch("is_admin"))
    };
    // All of a membership is said, also where parts of an account are.
    let (organization, manager) = fields.inside("organization_users", Extent::Whole, read)??;
    let organization_id = OrganizationId::from_uuid(organization??);
    Some(NewMembership { organization_id, manager: manager.unwrap_or(false) })
}
