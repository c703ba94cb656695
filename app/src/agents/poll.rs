use std::net::IpAddr;

use domain::{
    DeviceId,
    configuration::{
        Configuration, ConfigurationCommand, ConfigurationStatus, DownloadedArchive, ReportedStatus,
    },
    device::{ChangeInformation, Device, DeviceCommand},
};

use super::{AgentRefused, Agents, Peer, ReportedInformation, register::canonical, subject};
use crate::{
    Archive, By, Failure, RefusedKind, Rendering,
    edge::Known,
    presence::{Contact, ContactKind},
    sealing::same_secret,
    work::decide,
};

impl Agents<'_> {
    /// Is there such a device, and is this its key? The order of the questions is the protocol's (§2).
    pub async fn check(
        &self,
        id: DeviceId,
        key: Option<&str>,
        peer: Peer,
    ) -> Result<(), AgentRefused> {
        self.known(id, key, peer).await.map(drop)
    }

    /// MD5 of the archive that the device is to download; answered from memory unless an input changed.
    pub async fn checksum(
        &self,
        id: DeviceId,
        key: Option<&str>,
        management_ip: Option<&str>,
        peer: Peer,
    ) -> Result<String, AgentRefused> {
        let known = self.known(id, key, peer).await?;
        self.note(id, &known, management_ip, ContactKind::Checksum, peer);
        let known = self.current(id, known).await?;
        // Never 404 to a device that lives: it would give up.
        let archive = known.archive.ok_or(Failure::Unavailable)?;
        Ok(archive.md5)
    }

    /// The archive whose MD5 a checksum request answers.
    pub async fn download(
        &self,
        id: DeviceId,
        key: Option<&str>,
        management_ip: Option<&str>,
        peer: Peer,
    ) -> Result<Archive, AgentRefused> {
        let known = self.known(id, key, peer).await?;
        self.note(id, &known, management_ip, ContactKind::Download, peer);
        let known = self.current(id, known).await?;
        let archive = known.archive.ok_or(Failure::Unavailable)?;
        let found = self
            .0
            .configurations()
            .archive(known.organization, &known.name, &archive.sha256, &archive.md5)
            .await?;
        self.0.presence().downloaded(id, &found.md5);
        Ok(found)
    }

    /// Takes over what the device says about itself (§7).
    pub async fn update_info(
        &self,
        id: DeviceId,
        key: Option<&str>,
        information: ReportedInformation,
        peer: Peer,
    ) -> Result<(), AgentRefused> {
        let known = self.known(id, key, peer).await?;
        if known.status == Some(ConfigurationStatus::Deactivating) {
            return Err(AgentRefused::Deactivated);
        }
        let told = |text: Option<String>| {
            text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
        };
        let change = ChangeInformation {
            model: told(information.model),
            os: told(information.os),
            system: told(information.system),
        };
        let mut errors = Vec::new();
        for (field, text, max) in
            [("model", &change.model, 64), ("os", &change.os, 128), ("system", &change.system, 128)]
        {
            if let Some(Err(problem)) = text.as_deref().map(|text| domain::field::text(text, max)) {
                errors.push(domain::FieldError::new(field, problem));
            }
        }
        Failure::unless_empty(errors)?;
        let by = By::device(id, known.organization, peer.correlation_id);
        let decided = decide!(self.0, &by, work => {
            let command = DeviceCommand::ChangeInformation(change.clone());
            work.handle::<Device>(id.as_uuid(), command).await
        });
        decided?;
        self.note(id, &known, None, ContactKind::Information, peer);
        Ok(())
    }

    /// Takes over how the device stands to its configuration (§6). The answer is what was reported, or what became of it.
    pub async fn report(
        &self,
        id: DeviceId,
        key: Option<&str>,
        status: ReportedStatus,
        peer: Peer,
    ) -> Result<ConfigurationStatus, AgentRefused> {
        let known = self.known(id, key, peer).await?;
        let known = self.current(id, known).await?;
        let downloaded = self.0.presence().of(id).and_then(|presence| presence.downloaded_md5);
        let archive = downloaded.map_or(DownloadedArchive::Unknown, DownloadedArchive::Known);
        let answer = match (&status, known.status) {
            (_, Some(ConfigurationStatus::Deactivating)) => ConfigurationStatus::Deactivated,
            (ReportedStatus::Applied, _) => ConfigurationStatus::Applied,
            (ReportedStatus::Error(_), _) => ConfigurationStatus::Error,
            (ReportedStatus::Modified, _) => ConfigurationStatus::Modified,
        };
        let by = By::device(id, known.organization, peer.correlation_id);
        let decided = decide!(self.0, &by, work => {
            let command = ConfigurationCommand::Report {
                status: status.clone(),
                archive: archive.clone(),
            };
            work.handle::<Configuration>(id.as_uuid(), command).await
        });
        match decided {
            Err(Failure::NotFound(_)) => return Err(AgentRefused::NotFound),
            decided => decided?,
        };
        self.note(id, &known, None, ContactKind::Report, peer);
        if answer == ConfigurationStatus::Deactivated {
            self.0.devices().settle_address(id).await?;
        }
        Ok(answer)
    }

    async fn known(
        &self,
        id: DeviceId,
        key: Option<&str>,
        peer: Peer,
    ) -> Result<Known, AgentRefused> {
        let refuse = |reason, organization| {
            let now = self.0.world().now();
            let subject = subject(id);
            let from = (subject.as_str(), canonical(peer.address));
            self.0.refusals().note(RefusedKind::Poll, reason, organization, from, now);
        };
        let Some(known) = self.0.edge().device(self.0.store(), id).await? else {
            refuse("unknown_device", None);
            return Err(AgentRefused::NotFound);
        };
        let organization = Some(known.organization);
        if !known.served {
            refuse("organization_disabled", organization);
            return Err(AgentRefused::NotFound);
        }
        match known.status {
            None => {
                refuse("no_configuration", organization);
                return Err(AgentRefused::NotFound);
            }
            Some(ConfigurationStatus::Deactivated) => {
                refuse("deactivated", organization);
                return Err(AgentRefused::NotFound);
            }
            Some(_) => {}
        }
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            return Err(AgentRefused::KeyMissing);
        };
        if !same_secret(&self.0.sealing().device_key(key), &known.key) {
            self.0.presence().wrong_key(id);
            refuse("wrong_key", organization);
            return Err(AgentRefused::WrongKey);
        }
        Ok(known)
    }

    /// The device with an archive of its present inputs: rendered on the spot when one changed.
    async fn current(&self, id: DeviceId, known: Known) -> Result<Known, AgentRefused> {
        if !known.stale && known.archive.is_some() {
            return Ok(known);
        }
        match self.0.configurations().render(id).await {
            Ok(Rendering::Absent) => return Err(AgentRefused::NotFound),
            Ok(_) => {}
            // What it has is better than nothing while the database cannot be written.
            Err(Failure::Unavailable | Failure::Busy) if known.archive.is_some() => {
                return Ok(known);
            }
            Err(failure) => return Err(failure.into()),
        }
        let found = self.0.edge().device(self.0.store(), id).await?;
        found.ok_or(AgentRefused::NotFound)
    }

    fn note(
        &self,
        id: DeviceId,
        known: &Known,
        management_ip: Option<&str>,
        kind: ContactKind,
        peer: Peer,
    ) {
        self.0.presence().note(Contact {
            device: id,
            organization: known.organization,
            at: self.0.world().now(),
            address: canonical(peer.address),
            // What is not an address is ignored: the one that is held stays.
            management: management_ip
                .and_then(|address| address.trim().parse::<IpAddr>().ok())
                .map(|address| address.to_canonical()),
            kind,
        });
    }
}
