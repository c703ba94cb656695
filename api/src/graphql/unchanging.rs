//! Mutations where nothing can be changed: refused before they are looked at, all with the same words.

use std::sync::Arc;

use app::Failure;
use async_graphql::{
    Pos, Request, ServerResult,
    async_trait::async_trait,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextPrepareRequest},
    parser::types::{ExecutableDocument, OperationType},
};

use super::error;

/// Refuses mutations.
pub(super) struct Unchanging;

impl ExtensionFactory for Unchanging {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Refusing)
    }
}

struct Refusing;

#[async_trait]
impl Extension for Refusing {
    async fn prepare_request(
        &self,
        ctx: &ExtensionContext<'_>,
        request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        // Texts that are known by their hash are there afterwards.
        let mut request = next.run(ctx, request).await?;
        let name = request.operation_name.clone();
        // What cannot be understood is refused by whoever tries.
        if request.parsed_query().is_ok_and(|document| mutates(document, name.as_deref())) {
            return Err(error::failure(Failure::ReadOnly).into_server_error(Pos::default()));
        }
        Ok(request)
    }
}

fn mutates(document: &ExecutableDocument, name: Option<&str>) -> bool {
    document.operations.iter().any(|(operation_name, operation)| {
        let meant = name.is_none_or(|name| operation_name.is_none_or(|it| it == name));
        meant && operation.node.ty == OperationType::Mutation
    })
}
