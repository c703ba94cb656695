//! How far a token goes that somebody made for a purpose.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Authority, Denied, Permission, Permissions, Scope};
use crate::OrganizationId;

/// What a named token may at most. What the account may not at the time of a request, its tokens may not either.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenScope {
    /// Only these permissions, with reading wherever changing is among them; none is all of the account's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    /// Only these organizations, at most [`TokenScope::ORGANIZATIONS`]; none is all of the account's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizations: Option<Vec<OrganizationId>>,
    /// Nothing can be changed with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
}

impl TokenScope {
    /// Most organizations of a token.
    pub const ORGANIZATIONS: usize = 100;

    /// Is it as far as the account itself?
    pub fn is_whole(&self) -> bool {
        self.permissions.is_none() && self.organizations.is_none() && !self.read_only
    }

    fn of(&self, held: Permissions) -> Permissions {
        let within = self.permissions.map_or(held, |only| held.intersection(only.effective()));
        if self.read_only { within.iter().filter(|one| one.only_looks()).collect() } else { within }
    }
}

impl Authority {
    /// The same through a token of this scope.
    #[must_use]
    pub fn narrowed(self, to: &TokenScope) -> Self {
        if to.is_whole() {
            return self;
        }
        let Self { actor, scope } = self;
        let scope = match scope {
            Scope::Everything => Scope::Token {
                permissions: to.of(Permission::ALL.iter().copied().collect()),
                manages: to.organizations.clone(),
            },
            Scope::Member { permissions, manages, .. } => Scope::Token {
                permissions: to.of(permissions),
                manages: Some(common(manages, to.organizations.as_deref())),
            },
            Scope::Token { permissions, manages } => Scope::Token {
                permissions: to.of(permissions),
                manages: match manages {
                    Some(manages) => Some(common(manages, to.organizations.as_deref())),
                    None => to.organizations.clone(),
                },
            },
            other @ (Scope::Registration(_) | Scope::Device(..)) => other,
        };
        Self { actor, scope }
    }

    /// Does the authority come from a token that goes less far than its account? Then nothing is done with it that concerns
    /// the account itself: with its password, one would have all of it.
    pub fn is_narrowed(&self) -> bool {
        matches!(self.scope, Scope::Token { .. })
    }

    /// May the actor make a token of this scope for its account? Nobody makes one that goes further than the account, and none is
    /// made with a token that goes less far.
    pub fn require_token(&self, wanted: &TokenScope) -> Result<(), Denied> {
        let (held, manages) = match &self.scope {
            Scope::Everything => return Ok(()),
            Scope::Member { permissions, manages, .. } => (*permissions, manages),
            Scope::Token { .. } => return Err(Denied::Forbidden),
            Scope::Registration(_) | Scope::Device(..) => return Err(Denied::Hidden),
        };
        // What is left out means all of the account's.
        let permissions = wanted.permissions.is_none_or(|permissions| {
            let asked = if wanted.read_only {
                permissions.iter().filter(|one| one.only_looks()).collect()
            } else {
                permissions
            };
            held.include(asked)
        });
        let organizations = wanted.organizations.as_ref();
        let organizations =
            organizations.is_none_or(|all| all.iter().all(|one| manages.contains(one)));
        match (organizations, permissions) {
            (true, true) => Ok(()),
            // What somebody else manages does not exist.
            (false, _) => Err(Denied::Hidden),
            (true, false) => Err(Denied::Forbidden),
        }
    }
}

fn common(held: Vec<OrganizationId>, only: Option<&[OrganizationId]>) -> Vec<OrganizationId> {
    let kept = |one: &OrganizationId| only.is_none_or(|only| only.contains(one));
    held.into_iter().filter(kept).collect()
}

impl Permission {
    /// Is it about looking alone?
    pub(super) fn only_looks(self) -> bool {
        self.reads() || matches!(self, Self::SeeSecrets | Self::ViewLog | Self::ViewWebhook)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Actor,
        sample::{organization, user},
    };

    fn member() -> Authority {
        Authority {
            actor: Actor::User(user(7)),
            scope: Scope::Member {
                permissions: [Permission::ChangeDevice, Permission::ViewTemplate]
                    .into_iter()
                    .collect::<Permissions>()
                    .effective(),
                manages: vec![organization(1), organization(2)],
                owns: vec![organization(1)],
                belongs: vec![organization(1), organization(2), organization(3)],
            },
        }
    }

    fn superuser() -> Authority {
        Authority { actor: Actor::User(user(8)), scope: Scope::Everything }
    }

    fn only(permissions: &[Permission]) -> TokenScope {
        let permissions = Some(permissions.iter().copied().collect());
        TokenScope { permissions, ..TokenScope::default() }
    }

    fn within(organizations: &[u128]) -> TokenScope {
        let organizations = organizations.iter().map(|number| organization(*number)).collect();
        TokenScope { organizations: Some(organizations), ..TokenScope::default() }
    }

    const READ_ONLY: TokenScope =
        TokenScope { permissions: None, organizations: None, read_only: true };

    #[test]
    fn a_token_without_bounds_is_the_account() {
        assert_eq!(member().narrowed(&TokenScope::default()), member());
        assert_eq!(superuser().narrowed(&TokenScope::default()), superuser());
    }

    #[test]
    fn a_token_has_no_more_than_its_account() {
        let token = member().narrowed(&only(&[Permission::ViewDevice, Permission::DeleteDevice]));
        let here = Some(organization(1));
        assert_eq!(token.require(Permission::ViewDevice, here), Ok(()));
        assert_eq!(token.require(Permission::DeleteDevice, here), Err(Denied::Forbidden));
        assert_eq!(token.require(Permission::ChangeDevice, here), Err(Denied::Forbidden));

        let token = member().narrowed(&within(&[2, 3, 9]));
        assert_eq!(token.visible(), Some(vec![organization(2)]));
        assert_eq!(token.require(Permission::ChangeDevice, here), Err(Denied::Hidden));
        assert_eq!(token.require(Permission::ChangeDevice, Some(organization(2))), Ok(()));
    }

    #[test]
    fn a_superusers_token_reaches_everywhere_but_is_no_superuser() {
        let token = superuser().narrowed(&READ_ONLY);
        assert_eq!(token.visible(), None);
        assert!(!token.is_unlimited() && token.is_narrowed());
        assert_eq!(token.require(Permission::ViewDevice, Some(organization(5))), Ok(()));
        assert_eq!(token.require(Permission::ViewTemplate, None), Ok(()));
        for changing in
            [Permission::ChangeDevice, Permission::AddUser, Permission::PushConfiguration]
        {
            assert_eq!(token.require(changing, Some(organization(5))), Err(Denied::Forbidden));
            assert_eq!(token.require_anywhere(changing), Err(Denied::Forbidden));
        }
        let token = superuser().narrowed(&within(&[1]));
        assert_eq!(token.require(Permission::DeleteDevice, Some(organization(1))), Ok(()));
        assert_eq!(
            token.require(Permission::DeleteDevice, Some(organization(2))),
            Err(Denied::Hidden)
        );
        assert_eq!(token.require(Permission::AddTemplate, None), Err(Denied::Forbidden), "shared");
        assert_eq!(token.require(Permission::AddOrganization, None), Err(Denied::Forbidden));
    }

    #[test]
    fn reading_only_takes_what_changes() {
        let token = member().narrowed(&READ_ONLY);
        let here = Some(organization(1));
        assert_eq!(token.require(Permission::ViewDevice, here), Ok(()));
        assert_eq!(token.require(Permission::ChangeDevice, here), Err(Denied::Forbidden));
    }

    #[test]
    fn nobody_makes_a_broader_token() {
        for by in [member(), superuser()] {
            assert_eq!(by.require_token(&TokenScope::default()), Ok(()));
            assert_eq!(by.require_token(&READ_ONLY), Ok(()));
        }
        assert_eq!(superuser().require_token(&within(&[9])), Ok(()));
        assert_eq!(
            member().require_token(&within(&[3])),
            Err(Denied::Hidden),
            "only belongs there"
        );
        assert_eq!(member().require_token(&only(&[Permission::AddUser])), Err(Denied::Forbidden));

        let narrow = TokenScope {
            organizations: Some(vec![organization(1)]),
            ..only(&[Permission::ViewDevice])
        };
        let token = member().narrowed(&narrow);
        for any in [narrow, TokenScope::default(), READ_ONLY, within(&[1])] {
            assert_eq!(token.require_token(&any), Err(Denied::Forbidden), "{any:?}");
        }
    }
}
