use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Addresses that are remembered before those that were quiet long enough are forgotten.
const REMEMBERED: usize = 50_000;

/// How many mails one client may ask for without credentials.
pub(crate) struct LinkRates(DefaultKeyedRateLimiter<IpAddr>);

impl LinkRates {
    pub(crate) fn new(per_hour: u32) -> Self {
        let quota = Quota::per_hour(NonZeroU32::new(per_hour).unwrap_or(NonZeroU32::MIN));
        Self(RateLimiter::keyed(quota))
    }

    /// Is one more allowed now?
    pub(crate) fn allow(&self, address: IpAddr) -> bool {
        if self.0.len() > REMEMBERED {
            self.0.retain_recent();
        }
        self.0.check_key(&client(address)).is_ok()
    }
}

/// Of IPv6, a client has a whole /64.
fn client(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_of_ipv6_is_a_network() {
        let rates = LinkRates::new(2);
        let at = |text: &str| text.parse().unwrap();
        assert!(rates.allow(at("2001:db8::1")) && rates.allow(at("2001:db8::2")));
        assert!(!rates.allow(at("2001:db8::3")));
        assert!(rates.allow(at("2001:db8:0:1::1")) && rates.allow(at("192.0.2.1")));
    }
}
