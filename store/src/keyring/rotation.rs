//! Another master key for the same database.

use std::sync::Arc;

use secrecy::SecretSlice;

use super::{FINGERPRINTS, Keyring, Master, nonce, root, table, wrapped_at};
use crate::{Expect, Op, Query, Sql, StoreError, Transaction, args};

const PROOF: &str = "SELECT fingerprint_key FROM keyring WHERE id = 1";

impl Keyring {
    /// Wraps every key with another master key, in one transaction; what is sealed stays as it is. From here on, starts
    /// need the new key, and other processes of the same database have to be started again with it.
    pub async fn rewrap(&self, new_master: &SecretSlice<u8>) -> Result<(), StoreError> {
        let mut master = self.master.write().await;
        let wrapping = root(new_master)?.derive("wrapping");
        let proof = wrapping.wrap(nonce(&self.random), FINGERPRINTS, &self.fingerprints);

        let (from, to) = (master.wrapping.clone(), wrapping.clone());
        let random = Arc::clone(&self.random);
        let locked =
            Sql::Each { sqlite: PROOF.into(), postgres: format!("{PROOF} FOR UPDATE").into() };
        let transaction = Transaction::new()
            .guard(Query::new(locked, vec![]), Expect::Value(master.proof.clone().into()))
            .op(Op::new(
                "UPDATE keyring SET fingerprint_key = $1 WHERE id = 1",
                args![proof.clone()],
            ))
            .read(Query::new(table::LIVING, vec![]))
            .compute(move |rows| {
                let rewrap = |row| {
                    let (subject, wrapped) = table::living(row)?;
                    let place = wrapped_at(subject);
                    let key = from.unwrap(&place, &wrapped).ok_or_else(|| {
                        StoreError::Unusable(format!(
                            "the key of subject {subject} does not open with the present master key"
                        ))
                    })?;
                    Ok(table::replace(subject, to.wrap(nonce(&random), &place, &key)))
                };
                rows.iter().flatten().map(rewrap).collect()
            });
        if !self.store.transact(transaction).await?.committed() {
            return Err(StoreError::Unusable(
                "another process has rotated the master key: start again with that key".to_owned(),
            ));
        }
        *master = Master { wrapping, proof };
        Ok(())
    }
}
