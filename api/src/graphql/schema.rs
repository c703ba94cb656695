//! The schema as a whole.

use async_graphql::{
    MergedObject, SDLExportOptions, Schema, SchemaBuilder,
    extensions::{
        Tracing,
        apollo_persisted_queries::{ApolloPersistedQueries, LruCacheStorage},
    },
};

use super::{
    bulk::{BulkMutation, BulkQuery},
    coded::Coded,
    device::{DeviceMutation, DeviceQuery},
    dry_run::DryRunQuery,
    group::{GroupMutation, GroupQuery},
    history::{HistoryMutation, HistoryQuery},
    link::LinkMutation,
    live::Subscription,
    node::NodeQuery,
    organization::{OrganizationMutation, OrganizationQuery},
    permission_group::{PermissionGroupMutation, PermissionGroupQuery},
    preview::PreviewQuery,
    refused::RefusedQuery,
    settled::Staleness,
    template::{TemplateMutation, TemplateQuery},
    unchanging::Unchanging,
    user::{EraseMutation, LoginQuery, TokenMutation, TokenQuery, UserMutation, UserQuery},
    viewer::{ViewerMutation, ViewerQuery},
    webhook::{WebhookMutation, WebhookQuery},
};

/// What can be read. Whatever the viewer may not see does not exist.
#[derive(Default, MergedObject)]
pub(super) struct Query(
    ViewerQuery,
    UserQuery,
    TokenQuery,
    LoginQuery,
    PermissionGroupQuery,
    NodeQuery,
    OrganizationQuery,
    DeviceQuery,
    GroupQuery,
    TemplateQuery,
    HistoryQuery,
    PreviewQuery,
    DryRunQuery,
    BulkQuery,
    RefusedQuery,
    WebhookQuery,
);

/// What can be done. What changes an object answers with its `position` in the log and whether the answer is `stale`; what is
/// only ordered (mails, deliveries, operations on many devices) has no event to wait for.
#[derive(Default, MergedObject)]
pub(super) struct Mutation(
    ViewerMutation,
    LinkMutation,
    UserMutation,
    EraseMutation,
    TokenMutation,
    PermissionGroupMutation,
    OrganizationMutation,
    DeviceMutation,
    GroupMutation,
    TemplateMutation,
    HistoryMutation,
    BulkMutation,
    WebhookMutation,
);

pub(super) type WisptrailSchema = Schema<Query, Mutation, Subscription>;

/// What is offered, and bounds of what one request may ask for.
#[derive(Clone, Copy, Debug)]
pub struct GraphqlLimits {
    /// Fields inside fields.
    pub depth: usize,
    /// Fields, those of lists as often as the list may have rows.
    pub complexity: usize,
    /// May clients that are signed in ask for the schema?
    pub introspection: bool,
    /// Do browsers get a page with an editor?
    pub graphiql: bool,
}

impl Default for GraphqlLimits {
    fn default() -> Self {
        Self { depth: 16, complexity: 5000, introspection: true, graphiql: true }
    }
}

/// Directives on one field.
const DIRECTIVES: usize = 16;
/// Fields that hold the same field again.
const RECURSION: usize = 32;
/// Texts of queries that clients name by their hash.
const PERSISTED: usize = 1000;

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
}

pub(super) fn schema(limits: GraphqlLimits, read_only: bool) -> WisptrailSchema {
    let mut builder = builder()
        .limit_depth(limits.depth)
        .limit_complexity(limits.complexity)
        .limit_recursive_depth(RECURSION)
        .limit_directives(DIRECTIVES)
        .extension(ApolloPersistedQueries::new(LruCacheStorage::new(PERSISTED)))
        .extension(Coded)
        .extension(Staleness)
        .extension(Tracing);
    if read_only {
        builder = builder.extension(Unchanging);
    }
    if !limits.introspection {
        // Suggestions tell names, too.
        builder = builder.disable_introspection().disable_suggestions();
    }
    builder.finish()
}

/// The schema in its own language, as it is kept in `schema.graphql`.
pub fn schema_text() -> String {
    let options = SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .prefer_single_line_descriptions()
        .use_space_ident();
    builder().finish().sdl_with_options(options)
}
