//! The table behind presence.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use domain::{DeviceId, OrganizationId};
use store::{Op, Query, Row, Store, StoreError, args};

use super::Presence;

/// Rows of one transaction, so that appends need not wait long.
const BATCH: usize = 500;

/// What was written down of a device, beside what the log knows.
pub(super) struct Flushed {
    pub(super) device: DeviceId,
    pub(super) organization: OrganizationId,
    pub(super) presence: Presence,
    /// Management address of the log's last event about it.
    pub(super) recorded: Option<IpAddr>,
}

pub(super) async fn load(store: &Store) -> Result<Vec<Flushed>, StoreError> {
    let query = Query::new(
        "SELECT p.device_id, d.organization_id, p.last_ip, p.management_ip, p.last_contact, p.last_checksum, p.last_download, p.downloaded_md5, p.last_report, p.wrong_keys, d.management_ip
           FROM presence p JOIN devices d ON d.id = p.device_id",
        args![],
    );
    store.fetch(query).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Flushed, StoreError> {
    let address = |column| {
        Ok::<_, StoreError>(row.text_or_null(column)?.and_then(|address| address.parse().ok()))
    };
    let presence = Presence {
        last_ip: address(2)?,
        management_ip: address(3)?,
        last_contact: row.time_or_null(4)?,
        last_checksum: row.time_or_null(5)?,
        last_download: row.time_or_null(6)?,
        downloaded_md5: row.text_or_null(7)?,
        last_report: row.time_or_null(8)?,
        wrong_keys: row.int(9)?.unsigned_abs(),
    };
    Ok(Flushed {
        device: DeviceId::from_uuid(row.uuid(0)?),
        organization: OrganizationId::from_uuid(row.uuid(1)?),
        presence,
        recorded: address(10)?,
    })
}

pub(super) async fn write(
    store: &Store,
    entries: &[(DeviceId, Presence)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    for batch in entries.chunks(BATCH) {
        let ops = batch.iter().map(|(device, presence)| {
            Op::new(
                "INSERT INTO presence (device_id, last_ip, management_ip, last_contact, last_checksum, last_download, downloaded_md5, last_report, wrong_keys, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                 ON CONFLICT (device_id) DO UPDATE SET last_ip = excluded.last_ip, management_ip = excluded.management_ip, last_contact = excluded.last_contact,
                    last_checksum = excluded.last_checksum, last_download = excluded.last_download, downloaded_md5 = excluded.downloaded_md5,
                    last_report = excluded.last_report, wrong_keys = excluded.wrong_keys, updated_at = excluded.updated_at
                 WHERE presence.updated_at <= excluded.updated_at",
                args![
                    device.as_uuid(),
                    presence.last_ip.map(|address| address.to_string()),
                    presence.management_ip.map(|address| address.to_string()),
                    presence.last_contact,
                    presence.last_checksum,
                    presence.last_download,
                    presence.downloaded_md5.clone(),
                    presence.last_report,
                    i64::try_from(presence.wrong_keys).unwrap_or(i64::MAX),
                    now
                ],
            )
        });
        store.execute(ops.collect()).await?;
    }
    Ok(())
}
