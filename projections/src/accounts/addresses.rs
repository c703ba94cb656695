//! Listed e-mail addresses as they are read.

use domain::UserId;
use store::{Query, Row, Store, StoreError, args};

use super::groups::number;
use crate::{SealedText, first};

/// A listed address.
#[derive(Clone, Debug, PartialEq)]
pub struct AddressRow {
    /// What REST calls it by.
    pub number: u32,
    /// Whose it is.
    pub user_id: UserId,
    /// Sealed for the person.
    pub address: SealedText,
    /// Did somebody open the link that was sent there?
    pub verified: bool,
    /// Is it the one that mail goes to?
    pub primary: bool,
}

const COLUMNS: &str = "number, user_id, address, verified, is_primary";

fn read(row: &Row) -> Result<AddressRow, StoreError> {
    Ok(AddressRow {
        number: number(row.int(0)?),
        user_id: UserId::from_uuid(row.uuid(1)?),
        address: SealedText::new(row.text(2)?),
        verified: row.bool(3)?,
        primary: row.bool(4)?,
    })
}

/// All addresses of an account, in the order in which they were listed: at most a few.
pub async fn addresses(store: &Store, user: UserId) -> Result<Vec<AddressRow>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM user_email_addresses WHERE user_id = $1 ORDER BY number");
    store.fetch(Query::new(sql, args![user.as_uuid()])).await?.iter().map(read).collect()
}

/// One address of an account, if it is listed.
pub async fn address(
    store: &Store,
    user: UserId,
    number: u32,
) -> Result<Option<AddressRow>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM user_email_addresses WHERE user_id = $1 AND number = $2");
    first(store, Query::new(sql, args![user.as_uuid(), i64::from(number)]), read).await
}

/// Whose listed address has this fingerprint, and its number.
pub async fn address_numbers(
    store: &Store,
    fingerprint: &str,
) -> Result<Option<AddressRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM user_email_addresses WHERE fingerprint = $1");
    first(store, Query::new(sql, args![fingerprint]), read).await
}
