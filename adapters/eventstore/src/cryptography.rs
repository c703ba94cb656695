//! The library installs a cryptography for TLS (aws-lc) for the whole process when it is first used, and panics where there is
//! one already. So it has to be first.

use std::{sync::OnceLock, time::Duration};

use eventstore::Client;
use rustls::crypto::CryptoProvider;

/// Nobody listens there, and it is known at once.
const NOWHERE: &str = "esdb://127.0.0.1:1?tls=false&discoveryInterval=1&gossipTimeout=100";
/// Certificates of the machine are read.
const PATIENCE: Duration = Duration::from_secs(20);

/// Lets the library choose the cryptography of TLS for the process: before anything else in it uses TLS.
pub async fn choose() -> Result<(), String> {
    static CHOSEN: OnceLock<()> = OnceLock::new();
    if CHOSEN.get().is_some() {
        return Ok(());
    }
    if CryptoProvider::get_default().is_some() {
        return Err("another cryptography is in use already".to_owned());
    }
    let settings = NOWHERE.parse().map_err(|_| "the library has changed".to_owned())?;
    let client = Client::new(settings).map_err(|_| "TLS cannot be used".to_owned())?;
    // Its answer is of no interest: when it is there, the choice is made. A client that cannot connect ends.
    drop(tokio::time::timeout(PATIENCE, client.server_info()).await);
    if CryptoProvider::get_default().is_none() {
        return Err("no cryptography was chosen in time".to_owned());
    }
    CHOSEN.get_or_init(|| ());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_choice_is_made_once() {
        assert_eq!(choose().await, Ok(()));
        assert!(CryptoProvider::get_default().is_some());
        assert_eq!(choose().await, Ok(()));
    }
}
