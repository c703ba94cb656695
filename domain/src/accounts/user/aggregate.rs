use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{
    CreateUser, EmailAddress, IssuedLink, Membership, NamedToken, Profile, ProfileField,
    UserCommand, UserCreated, UserError, UserEvent,
    addresses::Addresses,
    links::{self, Links},
    memberships::Memberships,
    token::{Held, Tokens},
};
use crate::{FieldError, PermissionGroupId, Permissions, Sealed, UserId, fact::aggregate, field};

/// Just enough state to decide the next command.
#[derive(Debug, Default, Serialize, Deserialize)]
pub enum User {
    /// No event yet.
    #[default]
    Unknown,
    /// An account.
    Known(Box<Account>),
    /// It existed once.
    Removed,
}

/// What the rules remember of an account.
#[derive(Debug, Serialize, Deserialize)]
pub struct Account {
    id: UserId,
    username: Sealed,
    email: Option<Sealed>,
    phone: Option<Sealed>,
    profile: Profile,
    language: String,
    time_zone: String,
    expires_on: Option<NaiveDate>,
    active: bool,
    staff: bool,
    superuser: bool,
    groups: Vec<PermissionGroupId>,
    permissions: Permissions,
    memberships: Vec<Membership>,
    addresses: Vec<EmailAddress>,
    /// Keyed hashes.
    tokens: Vec<String>,
    named_tokens: Vec<Held>,
    epoch: u32,
    /// Mailed and not used.
    #[serde(default)]
    links: Vec<IssuedLink>,
}

aggregate!(User, "user", UserCommand, UserEvent, UserError);

impl User {
    /// The rules. An empty answer means "nothing to do", which is a success.
    fn decide(&self, command: UserCommand) -> Result<Vec<UserEvent>, UserError> {
        match (self, command) {
            (Self::Unknown, UserCommand::Create(new)) => create(*new),
            (Self::Known(_) | Self::Removed, UserCommand::Create(_)) => Err(UserError::Exists),
            (Self::Removed, UserCommand::Remove) => Ok(Vec::new()),
            (Self::Removed, UserCommand::Erase { user_id, last_address_number }) => {
                Ok(vec![UserEvent::Erased { user_id, last_address_number }])
            }
            (Self::Unknown | Self::Removed, _) => Err(UserError::Unknown),
            (Self::Known(account), UserCommand::UseLink { purpose, token, now }) => {
                account.links().use_up(purpose, &token, now)
            }
            (Self::Known(account), command) => Ok(account.decide(command)?.into_iter().collect()),
        }
    }

    fn evolve(&mut self, event: UserEvent) {
        match (&mut *self, event) {
            (Self::Unknown, UserEvent::Created(created)) => {
                *self = Self::Known(Box::new(Account::from(*created)));
            }
            (Self::Known(_), UserEvent::Removed { .. }) | (_, UserEvent::Erased { .. }) => {
                *self = Self::Removed;
            }
            (Self::Known(account), event) => account.evolve(event),
            _ => {}
        }
    }
}

fn create(new: CreateUser) -> Result<Vec<UserEvent>, UserError> {
    if new.memberships.iter().any(|membership| membership.owner && !membership.manager) {
        return Err(UserError::NotAManager);
    }
    let (language, time_zone) = preferences(&new.language, &new.time_zone)?;
    Ok(vec![UserEvent::Created(Box::new(UserCreated {
        user_id: new.id,
        username: new.username,
        email: new.email,
        password: new.password,
        superuser: new.superuser,
        staff: new.staff,
        roles: Vec::new(),
        memberships: new.memberships,
        groups: new.groups,
        permissions: new.permissions,
        phone: new.phone,
        profile: new.profile,
        language,
        time_zone,
        expires_on: new.expires_on,
        addresses: new.addresses,
        disabled: !new.active,
        password_since: new.password_since,
    }))])
}

fn preferences(language: &str, time_zone: &str) -> Result<(String, String), FieldError> {
    let check = |name, value: &str, max| {
        field::text(value.trim(), max).map_err(|problem| FieldError::new(name, problem))
    };
    Ok((check("language", language, 16)?, check("time_zone", time_zone, 64)?))
}

impl Account {
    fn decide(&self, command: UserCommand) -> Result<Option<UserEvent>, UserError> {
        let user_id = self.id;
        let memberships = Memberships { user_id, held: &self.memberships };
        let addresses = Addresses { user_id, held: &self.addresses, main: self.email.as_ref() };
        let tokens =
            Tokens { user_id, plain: &self.tokens, named: &self.named_tokens, epoch: self.epoch };
        let print = |value: &Option<Sealed>| value.as_ref().map(|value| value.fingerprint.clone());
        Ok(match command {
            UserCommand::Create(_) => return Err(UserError::Exists),
            UserCommand::Rename(username) => (username != self.username).then(|| {
                UserEvent::Renamed { user_id, from: self.username.fingerprint.clone(), username }
            }),
            UserCommand::ChangeEmail(email) => {
                (email != self.email).then(|| UserEvent::EmailChanged {
                    user_id,
                    from: print(&self.email),
                    email,
                    listed: self
                        .addresses
                        .iter()
                        .any(|it| Some(&it.address) == self.email.as_ref()),
                })
            }
            UserCommand::ChangePhone(phone) => (phone != self.phone)
                .then(|| UserEvent::PhoneChanged { user_id, from: print(&self.phone), phone }),
            UserCommand::ChangeProfile(wanted) => self.profile_changed(wanted),
            UserCommand::ChangePreferences { language, time_zone } => {
                let (language, time_zone) = preferences(&language, &time_zone)?;
                (language != self.language || time_zone != self.time_zone)
                    .then_some(UserEvent::PreferencesChanged { user_id, language, time_zone })
            }
            UserCommand::SetExpiry(expires_on) => (expires_on != self.expires_on)
                .then_some(UserEvent::ExpiryChanged { user_id, expires_on }),
            UserCommand::SetStaff(staff) => {
                (staff != self.staff).then_some(UserEvent::StaffChanged { user_id, staff })
            }
            UserCommand::SetSuperuser(superuser) => (superuser != self.superuser)
                .then_some(UserEvent::SuperuserChanged { user_id, superuser }),
            UserCommand::ChangeGroups(to) => (to != self.groups)
                .then(|| UserEvent::GroupsChanged { user_id, from: self.groups.clone(), to }),
            UserCommand::ChangePermissions(to) => (to != self.permissions)
                .then_some(UserEvent::PermissionsChanged { user_id, from: self.permissions, to }),
            UserCommand::ChangePassword(password) => {
                Some(UserEvent::PasswordChanged { user_id, password })
            }
            UserCommand::RehashPassword(password) => {
                Some(UserEvent::PasswordRehashed { user_id, password })
            }
            UserCommand::IssueToken(token) => tokens.issue(token)?,
            UserCommand::RevokeToken(token) => tokens.revoke(token),
            UserCommand::IssueNamedToken(new) => tokens.name(*new)?,
            UserCommand::RevokeNamedToken(id) => tokens.revoke_named(id),
            UserCommand::EndTokens => Some(tokens.end(false)),
            UserCommand::EndAllTokens => Some(tokens.end(true)),
            UserCommand::SetActive(wanted) => (wanted != self.active).then_some(if wanted {
                UserEvent::Enabled { user_id }
            } else {
                UserEvent::Disabled { user_id }
            }),
            UserCommand::Join(membership) => memberships.join(membership)?,
            UserCommand::SetManager { organization_id, manager } => {
                memberships.set_manager(organization_id, manager)?
            }
            UserCommand::Leave(organization) => memberships.leave(organization)?,
            UserCommand::TakeOwnership(organization) => memberships.take_ownership(organization)?,
            UserCommand::GiveUpOwnership(organization) => {
                memberships.give_up_ownership(organization)
            }
            UserCommand::AddEmailAddress(address) => addresses.add(address)?,
            UserCommand::ChangeEmailAddress { number, address } => {
                addresses.change(number, address)?
            }
            UserCommand::VerifyEmailAddress(number) => addresses.verify(number)?,
            UserCommand::SetPrimaryEmailAddress { number, primary } => {
                addresses.set_primary(number, primary)?
            }
            UserCommand::RemoveEmailAddress(number) => addresses.remove(number),
            UserCommand::IssueLink(link) => self.links().issue(link)?,
            // Two events, see above.
            UserCommand::UseLink { .. } => None,
            UserCommand::Remove | UserCommand::Erase { .. }
                if self.memberships.iter().any(|one| one.owner) =>
            {
                return Err(UserError::IsOwner);
            }
            UserCommand::Remove => Some(UserEvent::Removed { user_id }),
            UserCommand::Erase { last_address_number, .. } => {
                Some(UserEvent::Erased { user_id, last_address_number })
            }
        })
    }

    fn links(&self) -> Links<'_> {
        let (email, addresses) = (self.email.as_ref(), &*self.addresses);
        Links { user_id: self.id, held: &self.links, email, addresses }
    }

    /// Only what is new.
    fn profile_changed(&self, wanted: BTreeMap<ProfileField, Option<Sealed>>) -> Option<UserEvent> {
        let profile: BTreeMap<_, _> = wanted
            .into_iter()
            .filter(|(field, value)| self.profile.get(field) != value.as_ref())
            .collect();
        (!profile.is_empty()).then_some(UserEvent::ProfileChanged { user_id: self.id, profile })
    }

    fn evolve(&mut self, event: UserEvent) {
        match event {
            UserEvent::Created(_)
            | UserEvent::Removed { .. }
            | UserEvent::Erased { .. }
            | UserEvent::PasswordRehashed { .. } => {}
            // Links are bound to the password that was valid when they were mailed.
            UserEvent::PasswordChanged { .. } => self.links.clear(),
            UserEvent::Renamed { username, .. } => self.username = username,
            UserEvent::EmailChanged { email, .. } => self.email = email,
            UserEvent::PhoneChanged { phone, .. } => self.phone = phone,
            UserEvent::ProfileChanged { profile, .. } => {
                for (field, value) in profile {
                    match value {
                        Some(value) => self.profile.insert(field, value),
                        None => self.profile.remove(&field),
                    };
                }
            }
            UserEvent::PreferencesChanged { language, time_zone, .. } => {
                (self.language, self.time_zone) = (language, time_zone);
            }
            UserEvent::ExpiryChanged { expires_on, .. } => self.expires_on = expires_on,
            UserEvent::StaffChanged { staff, .. } => self.staff = staff,
            UserEvent::SuperuserChanged { superuser, .. } => self.superuser = superuser,
            UserEvent::GroupsChanged { to, .. } => self.groups = to,
            UserEvent::PermissionsChanged { to, .. } => self.permissions = to,
            UserEvent::TokenIssued { token, .. } => self.tokens.push(token),
            UserEvent::TokenRevoked { token, .. } => self.tokens.retain(|held| *held != token),
            UserEvent::NamedTokenIssued { token_id, name, token, scope, expires_at, .. } => {
                let named = NamedToken { token_id, name, token, scope, expires_at };
                self.named_tokens.push(Held::from(&named));
            }
            UserEvent::NamedTokenRevoked { token_id, .. } => {
                self.named_tokens.retain(|held| !held.is(token_id));
            }
            UserEvent::TokensEnded { epoch, tokens, .. } => {
                self.epoch = epoch;
                self.tokens.clear();
                self.named_tokens.retain(|held| !held.is_among(&tokens));
            }
            UserEvent::Enabled { .. } => self.active = true,
            UserEvent::Disabled { .. } => self.active = false,
            UserEvent::MembershipAdded { membership, .. } => self.memberships.push(membership),
            UserEvent::MembershipChanged { organization_id, manager, .. } => {
                self.membership(organization_id, |held| held.manager = manager);
            }
            UserEvent::MembershipRemoved { organization_id, .. } => {
                self.memberships.retain(|held| held.organization_id != organization_id);
            }
            UserEvent::OwnershipTaken { organization_id, .. } => {
                self.membership(organization_id, |held| held.owner = true);
            }
            UserEvent::OwnershipGivenUp { organization_id, .. } => {
                self.membership(organization_id, |held| held.owner = false);
            }
            UserEvent::EmailAddressAdded { address, .. } => {
                if address.primary {
                    self.addresses.iter_mut().for_each(|held| held.primary = false);
                }
                self.addresses.push(address);
            }
            UserEvent::EmailAddressChanged { number, address, .. } => {
                self.address(number, |held| {
                    held.address = address;
                    held.verified = false;
                });
            }
            UserEvent::EmailAddressVerified { number, .. } => {
                self.address(number, |held| held.verified = true);
            }
            UserEvent::PrimaryEmailAddressChanged { number, .. } => {
                for held in &mut self.addresses {
                    held.primary = Some(held.number) == number;
                }
            }
            UserEvent::EmailAddressRemoved { number, .. } => {
                self.addresses.retain(|held| held.number != number);
            }
            UserEvent::LinkIssued { link, .. } => links::keep(&mut self.links, link),
            UserEvent::LinkUsed { token, .. } => self.links.retain(|held| held.token != token),
        }
    }

    fn membership(
        &mut self,
        organization: crate::OrganizationId,
        change: impl FnOnce(&mut Membership),
    ) {
        let held = self.memberships.iter_mut().find(|held| held.organization_id == organization);
        held.map(change);
    }

    fn address(&mut self, number: u32, change: impl FnOnce(&mut EmailAddress)) {
        self.addresses.iter_mut().find(|held| held.number == number).map(change);
    }
}

impl From<UserCreated> for Account {
    fn from(created: UserCreated) -> Self {
        Self {
            id: created.user_id,
            groups: created.all_groups(),
            username: created.username,
            email: created.email,
            phone: created.phone,
            profile: created.profile,
            language: created.language,
            time_zone: created.time_zone,
            expires_on: created.expires_on,
            active: !created.disabled,
            staff: created.staff,
            superuser: created.superuser,
            permissions: created.permissions,
            memberships: created.memberships,
            addresses: created.addresses,
            tokens: Vec::new(),
            named_tokens: Vec::new(),
            epoch: 0,
            links: Vec::new(),
        }
    }
}
