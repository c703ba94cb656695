//! The table behind presence.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate as _;
use domain::{DeviceId, OrganizationId, device::Device};
use store::{EventFilter, Op, Query, Row, Store, StoreError, args};

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
    /// The last event of the device.
    modified_at: DateTime<Utc>,
    /// None if nothing but the log knows of the device.
    written_at: Option<DateTime<Utc>>,
}

pub(super) async fn load(store: &Store) -> Result<Vec<Flushed>, StoreError> {
    let query = Query::new(
        "SELECT d.id, d.organization_id, p.last_ip, p.management_ip, p.last_contact, p.last_checksum, p.last_download, p.downloaded_md5, p.last_report, COALESCE(p.wrong_keys, 0), d.management_ip, d.modified_at, p.updated_at
           FROM devices d LEFT JOIN presence p ON p.device_id = d.id
          WHERE p.device_id IS NOT NULL OR d.management_ip IS NOT NULL",
        args![],
    );
    store.fetch(query.whole()).await?.iter().map(read).collect()
}

impl Flushed {
    /// Was an address recorded after the row was written? A program that is killed leaves such rows.
    pub(super) async fn outdated(&self, store: &Store) -> Result<bool, StoreError> {
        let Some(written_at) = self.written_at else { return Ok(true) };
        if self.modified_at <= written_at {
            return Ok(false);
        }
        // The event may be another one, such as a new name.
        let later = EventFilter {
            aggregate_type: Some(Device::TYPE.to_owned()),
            aggregate_id: Some(self.device.to_string()),
            event_types: vec!["device.management_address_changed".to_owned()],
            since: Some(written_at),
            ..EventFilter::default()
        };
        Ok(!store.events(&later, 0, 1).await?.is_empty())
    }
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
        modified_at: row.time(11)?,
        written_at: row.time_or_null(12)?,
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
