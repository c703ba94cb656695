//! An account as clients send it.

use app::NewMembership;
use chrono::NaiveDate;
use domain::{OrganizationId, Permission, Permissions, accounts::ProfileField};

use super::super::{
    caller::Caller,
    fields::{Fields, Text},
    organization::{is_email, is_url},
    sentences,
};

const USERNAME: &str = "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.";

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
    pub(super) fn read(fields: &mut Fields<'_>, caller: &Caller, new: bool) -> Self {
        let unlimited = caller.by.authority.is_unlimited();
        let username = fields.short("username", Text::NAME, 150);
        let fits = |c: char| c.is_alphanumeric() || "@.+-_".contains(c);
        if username.as_deref().is_some_and(|name| !name.chars().all(fits)) {
            fields.refuse("username", USERNAME);
        }
        if new && !fields.has("email") {
            fields.refuse("email", sentences::REQUIRED);
        }
        let email = fields.nullable("email", 254);
        match email.as_deref() {
            Some("") if new => fields.refuse("email", "This field cannot be blank."),
            Some(email) if !email.is_empty() && !is_email(email) => {
                fields.refuse("email", "Enter a valid email address.");
            }
            _ => {}
        }
        let mut profile = Vec::new();
        for field in ProfileField::ALL {
            let value = if field == ProfileField::BirthDate {
                let day = fields.day(field.as_str());
                day.map(|day| day.map(|day| day.to_string()).unwrap_or_default())
            } else {
                fields.short(field.as_str(), Text::FREE, field.longest())
            };
            if let Some(value) = value {
                if field == ProfileField::Url && !value.is_empty() && !is_url(&value) {
                    fields.refuse("url", "Enter a valid URL.");
                }
                profile.push((field, value));
            }
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

/// Judged like the use case does, in the words that clients know.
fn phone(fields: &mut Fields<'_>) -> Option<String> {
    let phone = fields.nullable("phone_number", 128)?;
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

/// One organization, as an object.
fn membership(fields: &mut Fields<'_>) -> Option<NewMembership> {
    let input = fields.nested("organization_users", false)??;
    let errors = std::mem::take(&mut fields.errors);
    let mut inner = Fields::inside(&input, "organization_users.", false, errors);
    let organization = inner.reference("organization", true, false);
    let manager = inner.switch("is_admin");
    fields.errors = inner.errors;
    let organization_id = OrganizationId::from_uuid(organization??);
    Some(NewMembership { organization_id, manager: manager.unwrap_or(false) })
}
