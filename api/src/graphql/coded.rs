//! A code for what the GraphQL engine itself refuses: texts that it does not understand, values of other types than the
//! schema's, requests that ask for too much. They are `INVALID`, with the argument where one is at fault.

use std::sync::Arc;

use async_graphql::{
    Pos, Response, ServerError, ServerResult, Value, Variables,
    async_trait::async_trait,
    extensions::{
        Extension, ExtensionContext, ExtensionFactory, NextParseQuery, NextRequest, NextSubscribe,
    },
    indexmap::IndexMap,
    parser::types::{ExecutableDocument, Selection, SelectionSet},
};
use futures::{StreamExt as _, stream::BoxStream};
use parking_lot::Mutex;

use super::expansion;

/// Gives every error a code.
pub(super) struct Coded;

impl ExtensionFactory for Coded {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Coding::default())
    }
}

/// The request that is answered.
#[derive(Default)]
struct Coding(Arc<Mutex<Arguments>>);

/// Where the values of arguments stand, and the names of these arguments.
#[derive(Default)]
struct Arguments(Vec<(Pos, String)>);

#[async_trait]
impl Extension for Coding {
    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        let answer = next.run(ctx).await;
        self.0.lock().code(answer)
    }

    fn subscribe<'s>(
        &self,
        ctx: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        let arguments = Arc::clone(&self.0);
        next.run(ctx, stream).map(move |answer| arguments.lock().code(answer)).boxed()
    }

    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        let document = next.run(ctx, query, variables).await?;
        // Before the engine's own checks, which walk every fragment as often as it is spread.
        if expansion::size(&document) > expansion::MOST {
            let sentence = "The request is too large with all its fragments: ask for less at once.";
            return Err(ServerError::new(sentence, None));
        }
        if !expansion::subscribes_to_one(&document) {
            let sentence = "A subscription has one field at its root: subscribe twice.";
            return Err(ServerError::new(sentence, None));
        }
        let mut arguments = self.0.lock();
        for (_, operation) in document.operations.iter() {
            arguments.read(&operation.node.selection_set.node);
        }
        for fragment in document.fragments.values() {
            arguments.read(&fragment.node.selection_set.node);
        }
        drop(arguments);
        Ok(document)
    }
}

impl Arguments {
    fn read(&mut self, selected: &SelectionSet) {
        for selection in &selected.items {
            match &selection.node {
                Selection::Field(field) => {
                    let given = field.node.arguments.iter();
                    self.0.extend(given.map(|(name, value)| (value.pos, name.node.to_string())));
                    self.read(&field.node.selection_set.node);
                }
                Selection::InlineFragment(inner) => self.read(&inner.node.selection_set.node),
                Selection::FragmentSpread(_) => {}
            }
        }
    }

    fn code(&self, mut answer: Response) -> Response {
        for error in &mut answer.errors {
            let extensions = error.extensions.get_or_insert_default();
            if extensions.get("code").is_some() {
                continue;
            }
            let field = self.field(error);
            let extensions = error.extensions.get_or_insert_default();
            extensions.set("code", "INVALID");
            if let Some((field, sentence)) = field {
                let sentences = Value::List(vec![sentence.into()]);
                let field = async_graphql::Name::new(field);
                extensions.set("fields", Value::Object(IndexMap::from_iter([(field, sentences)])));
            }
        }
        answer
    }

    /// The argument that an error is about, by the engine's sentence or by the place that the error names.
    fn field(&self, error: &ServerError) -> Option<(String, String)> {
        if let Some(rest) = error.message.strip_prefix("Invalid value for argument \"") {
            let (field, sentence) = rest.split_once("\", ")?;
            return Some((field.to_owned(), sentence.to_owned()));
        }
        let place = error.locations.first()?;
        let (_, name) = self.0.iter().find(|(value, _)| value == place)?;
        Some((name.clone(), error.message.clone()))
    }
}
