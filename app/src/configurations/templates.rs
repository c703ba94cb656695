//! Which templates a configuration is built on.

use std::collections::HashSet;

use domain::{FieldError, OrganizationId, Problem, TemplateId, configuration::Backend};
use projections::{
    configuration::InputsTemplate,
    template::{self, TemplateRow},
};

use super::Configurations;
use crate::{By, Failure, Refusal};

impl Configurations<'_> {
    /// The templates that every new device of the organization gets: required ones first, each by name,
    /// then those of the group, then those that carry one of the tags, by name; each once.
    pub(crate) async fn initial_templates(
        &self,
        organization: OrganizationId,
        backend: &Backend,
        group: &[TemplateId],
        tags: &[String],
    ) -> Result<Vec<TemplateId>, Failure> {
        let mut ids: Vec<TemplateId> = template::defaults(self.0.store(), organization, backend)
            .await?
            .into_iter()
            .map(|template| template.id)
            .collect();
        append(&mut ids, self.of_backend(group, backend).await?);
        append(&mut ids, self.tagged(organization, tags).await?);
        Ok(ids)
    }

    /// Templates of the organization or shared that carry any of the tags, by name.
    pub(crate) async fn tagged(
        &self,
        organization: OrganizationId,
        tags: &[String],
    ) -> Result<Vec<TemplateId>, Failure> {
        if tags.is_empty() {
            return Ok(Vec::new());
        }
        let filter = template::TemplateFilter {
            organizations: Some(vec![organization]),
            or_shared: true,
            ..template::TemplateFilter::default()
        };
        let tags: HashSet<&str> = tags.iter().map(String::as_str).collect();
        let all = template::all(self.0.store(), crate::RULES, &filter).await?;
        Ok(all
            .into_iter()
            .filter(|template| template.tags.iter().any(|tag| tags.contains(tag.as_str())))
            .map(|template| template.id)
            .collect())
    }

    /// Those of the templates that exist and are made for this backend, in their order.
    pub(crate) async fn of_backend(
        &self,
        ids: &[TemplateId],
        backend: &Backend,
    ) -> Result<Vec<TemplateId>, Failure> {
        let rows = template::by_ids(self.0.store(), crate::RULES, ids).await?;
        let fits = |id: &TemplateId| {
            rows.iter().any(|row| row.id == *id && row.backend == backend.as_str())
        };
        Ok(ids.iter().copied().filter(fits).collect())
    }

    /// The templates as rendering reads them, in the order of the ids.
    pub(crate) async fn input_templates(
        &self,
        ids: &[TemplateId],
    ) -> Result<Vec<InputsTemplate>, Failure> {
        let rows = template::by_ids(self.0.store(), crate::RULES, ids).await?;
        let row = |id: &TemplateId| rows.iter().find(|row| row.id == *id);
        Ok(ids
            .iter()
            .filter_map(row)
            .map(|row| InputsTemplate {
                id: row.id,
                backend: row.backend.clone(),
                config: row.config.clone(),
                default_values: row.default_values.clone(),
            })
            .collect())
    }

    /// Checks a list that somebody chose, and puts required templates that it leaves out back first, by name.
    pub(crate) async fn chosen_templates(
        &self,
        by: &By,
        organization: OrganizationId,
        backend: &Backend,
        chosen: &[TemplateId],
    ) -> Result<Vec<TemplateId>, Failure> {
        let rows = template::by_ids(self.0.store(), crate::RULES, chosen).await?;
        let visible = by.authority.visible();
        let mut foreign = Vec::new();
        for id in chosen {
            let unknown = || {
                let problem = Problem::Unknown(id.to_string());
                Failure::Invalid(vec![FieldError::new("config.templates", problem)])
            };
            let row = rows.iter().find(|row| row.id == *id).ok_or_else(unknown)?;
            let Some(owner) = row.organization_id.filter(|owner| *owner != organization) else {
                continue;
            };
            // What another organization owns does not exist for those who may not see it.
            if visible.as_ref().is_some_and(|visible| !visible.contains(&owner)) {
                return Err(unknown());
            }
            foreign.push(row.name.clone());
        }
        if !foreign.is_empty() {
            foreign.sort();
            return Err(Failure::Refused(Refusal::ForeignTemplates { names: foreign }));
        }
        let required = self.required(organization, backend).await?;
        let mut ids: Vec<TemplateId> =
            required.iter().map(|row| row.id).filter(|id| !chosen.contains(id)).collect();
        append(&mut ids, chosen.iter().copied());
        Ok(ids)
    }

    /// Required templates of the organization and shared ones, by name.
    pub(crate) async fn required(
        &self,
        organization: OrganizationId,
        backend: &Backend,
    ) -> Result<Vec<TemplateRow>, Failure> {
        let filter = template::TemplateFilter {
            organizations: Some(vec![organization]),
            or_shared: true,
            backend: Some(backend.as_str().to_owned()),
            required: Some(true),
            ..template::TemplateFilter::default()
        };
        Ok(template::all(self.0.store(), crate::RULES, &filter).await?)
    }
}

/// Appends what is not there yet.
pub(crate) fn append(ids: &mut Vec<TemplateId>, more: impl IntoIterator<Item = TemplateId>) {
    for id in more {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
}
