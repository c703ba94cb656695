use std::{net::IpAddr, num::NonZeroU32};

use domain::OrganizationId;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::ControllerSettings;

/// How often one address may register devices of one organization.
pub(crate) struct RegistrationRates(DefaultKeyedRateLimiter<(OrganizationId, IpAddr)>);

impl RegistrationRates {
    pub(crate) fn new(settings: &ControllerSettings) -> Self {
        let at_least_one = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(at_least_one(settings.registrations_per_minute))
            .allow_burst(at_least_one(settings.registration_burst));
        Self(RateLimiter::keyed(quota))
    }

    /// Is one more allowed now?
    pub(crate) fn allow(&self, organization: OrganizationId, address: IpAddr) -> bool {
        // Addresses that were quiet long enough are the same as unknown ones.
        if self.0.len() > 50_000 {
            self.0.retain_recent();
        }
        self.0.check_key(&(organization, address)).is_ok()
    }
}
