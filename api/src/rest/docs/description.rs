//! What is said of one operation while its handler's types tell what it is.

use std::collections::BTreeMap;

use app::ControllerSettings;
use axum::http::{Method, StatusCode, header};
use utoipa::{
    ToSchema,
    openapi::{
        Content, HeaderBuilder, HttpMethod, KnownFormat, ObjectBuilder, Ref, RefOr, Required,
        Response, ResponseBuilder, Responses, Schema, SchemaFormat,
        path::{
            Operation as Described, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
        },
        request_body::{RequestBody, RequestBodyBuilder},
        schema::{ArrayBuilder, SchemaType, Type},
        security::SecurityRequirement,
    },
};

use super::{
    super::{
        conditional,
        endpoint::Endpoint,
        fields::{Extent, Fields},
        filters::{Filters, parameter},
        once,
        operation::Operation,
        query::Narrowing,
        sent::{Reader, Sent},
    },
    refusals::{self, Refusal},
};
use crate::form::Form;

/// Schemas by name.
pub(super) type Schemas = BTreeMap<String, RefOr<Schema>>;

/// The name of the bearer tokens.
pub(super) const BEARER: &str = "Bearer";

const JSON: &str = "application/json";

/// One operation, as far as it is described.
pub(in super::super) struct Description<'a> {
    controller: &'a ControllerSettings,
    schemas: &'a mut Schemas,
    extent: Extent,
    parameters: Vec<Parameter>,
    body: Option<RequestBody>,
    answer: Option<(StatusCode, ResponseBuilder)>,
}

/// Describes an operation at a path.
pub(super) fn describe(
    endpoint: &Endpoint,
    operation: &Operation,
    controller: &ControllerSettings,
    schemas: &mut Schemas,
) -> Described {
    let method = method(&operation.method);
    let mut description = Description {
        controller,
        schemas,
        extent: Extent::of(&method),
        parameters: path(endpoint.path),
        body: None,
        answer: None,
    };
    (operation.describe)(&mut description);
    description.finish(endpoint, &method, operation)
}

impl Description<'_> {
    /// The parameters that a list, or whatever else, is narrowed down by.
    pub(in super::super) fn query<N: Narrowing>(&mut self) {
        let nothing = Form::default();
        let mut filters = Filters::describing(&nothing);
        N::read(&mut filters, self.controller);
        self.parameters.extend(filters.described());
    }

    /// The parameters that choose a page.
    pub(in super::super) fn pages(&mut self) {
        let number = || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
        // What is no number is not refused by this schema, because `last` is none.
        let kinds: SchemaType = [Type::Integer, Type::String].into_iter().collect();
        let mut page = parameter("page", number().schema_type(kinds).build());
        page.description = Some("From 1, or `last`.".to_owned());
        let mut size = parameter("page_size", number().build());
        size.description = Some("Rows of a page: 10, or as many as this, at most 100.".to_owned());
        self.parameters.extend([page, size]);
    }

    /// What is sent. Where all of something is replaced by what makes a new one, both have one name.
    pub(in super::super) fn body<T: Sent>(&mut self) {
        let mut fields = Fields::describing(self.extent);
        T::read(&mut fields, Reader { controller: self.controller, unlimited: true });
        let schema = RefOr::T(fields.described());
        let mut name = match self.extent {
            Extent::New | Extent::Whole => format!("{}Request", T::NAME),
            Extent::Part => format!("Patched{}Request", T::NAME),
        };
        if self.schemas.get(&name).is_some_and(|known| *known != schema) {
            name = format!("{}UpdateRequest", T::NAME);
        }
        self.schemas.insert(name.clone(), schema);
        let content = Content::new(Some(Ref::from_schema_name(name)));
        let body = ["application/x-www-form-urlencoded", "multipart/form-data"]
            .into_iter()
            .fold(RequestBodyBuilder::new().content(JSON, content.clone()), |body, kind| {
                body.content(kind, content.clone())
            });
        self.body = Some(body.required(Some(Required::True)).build());
    }

    /// An object is answered.
    pub(in super::super) fn object<T: ToSchema>(&mut self, status: StatusCode) {
        let content = Content::new(Some(self.known::<T>()));
        self.answer = Some((status, ResponseBuilder::new().content(JSON, content)));
    }

    /// A page of a list is answered.
    pub(in super::super) fn list<T: ToSchema>(&mut self) {
        let one = self.known::<T>();
        let link = || {
            let kinds: SchemaType = [Type::String, Type::Null].into_iter().collect();
            let format = SchemaFormat::Custom("uri".to_owned());
            ObjectBuilder::new().schema_type(kinds).format(Some(format))
        };
        let count = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
        let page = ObjectBuilder::new()
            .schema_type(Type::Object)
            .property("count", count)
            .property("next", link())
            .property("previous", link())
            .property("results", ArrayBuilder::new().items(one));
        let page = ["count", "next", "previous", "results"]
            .into_iter()
            .fold(page, ObjectBuilder::required);
        let content = Content::new(Some(page));
        self.answer = Some((StatusCode::OK, ResponseBuilder::new().content(JSON, content)));
    }

    /// Nothing is answered.
    pub(in super::super) fn nothing(&mut self) {
        self.answer = Some((StatusCode::NO_CONTENT, ResponseBuilder::new()));
    }

    /// An archive is answered.
    pub(in super::super) fn archive(&mut self) {
        let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
        let bytes = ObjectBuilder::new().schema_type(Type::String).format(Some(format));
        let content = Content::new(Some(bytes));
        let answer = ResponseBuilder::new().content("application/octet-stream", content);
        self.answer = Some((StatusCode::OK, answer));
    }

    /// Adds a schema and those that it refers to.
    fn known<T: ToSchema>(&mut self) -> Ref {
        let mut inner = Vec::new();
        T::schemas(&mut inner);
        self.schemas.extend(inner);
        self.schemas.insert(T::name().into_owned(), T::schema());
        Ref::from_schema_name(T::name())
    }

    fn finish(mut self, endpoint: &Endpoint, method: &Method, operation: &Operation) -> Described {
        let mut refusals = vec![Refusal::Other];
        if self.body.is_some() || self.parameters.iter().any(is_query) {
            refusals.push(Refusal::Invalid);
        }
        if !endpoint.open {
            refusals.extend([Refusal::Unauthenticated, Refusal::Forbidden]);
        }
        if self
            .parameters
            .iter()
            .any(|one| one.parameter_in == ParameterIn::Path || one.name == "page")
        {
            refusals.push(Refusal::NotFound);
        }
        let changes = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(method);
        if changes && !endpoint.open {
            let key = SchemaBounds { least: 1, most: once::LONGEST };
            self.header(
                once::KEY.as_str(),
                "The request is carried out once in 24 hours, however often it is sent.",
                Some(key),
            );
            refusals.extend([Refusal::Conflict, Refusal::KeyReused]);
        }
        if conditional::is_object(endpoint) {
            if changes {
                self.header(header::IF_MATCH.as_str(), "The `ETag` of what is to be changed: refused with 412 when it has changed since.", None);
                refusals.push(Refusal::Stale);
            } else {
                self.header(header::IF_NONE_MATCH.as_str(), "The `ETag` of what is known already: nothing is answered but 304 while it is the same.", None);
                refusals.push(Refusal::NotModified);
            }
        }
        let answer = self.answer.take().map(|(status, answer)| {
            let answer = answer.description(status.canonical_reason().unwrap_or_default());
            let tagged = *method == Method::GET && conditional::is_object(endpoint);
            let answer = if tagged { answer.header("ETag", tag()) } else { answer };
            (status, answer.build())
        });
        let tag = endpoint.path.split('/').nth(3).unwrap_or_default();
        let described = OperationBuilder::new()
            .tag(tag)
            .operation_id(Some(operation.id))
            .summary(Some(operation.summary))
            .parameters((!self.parameters.is_empty()).then_some(self.parameters))
            .request_body(self.body)
            .responses(responses(answer, &refusals));
        let described = if endpoint.open {
            described.security(SecurityRequirement::default())
        } else {
            described.security(SecurityRequirement::new(BEARER, Vec::<String>::new()))
        };
        described.build()
    }

    fn header(&mut self, name: &str, description: &str, bounds: Option<SchemaBounds>) {
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(bounds.as_ref().map(|bounds| bounds.least))
            .max_length(bounds.as_ref().map(|bounds| bounds.most));
        let header = ParameterBuilder::new().name(titled(name)).parameter_in(ParameterIn::Header);
        self.parameters.push(header.description(Some(description)).schema(Some(text)).build());
    }
}

/// A header's name as people write it: `If-Match`.
fn titled(name: &str) -> String {
    let part = |part: &str| {
        part.get(..1).unwrap_or_default().to_uppercase() + part.get(1..).unwrap_or_default()
    };
    name.split('-').map(part).collect::<Vec<_>>().join("-")
}

/// How long a text may be.
struct SchemaBounds {
    least: usize,
    most: usize,
}

fn is_query(parameter: &Parameter) -> bool {
    parameter.parameter_in == ParameterIn::Query
}

fn tag() -> utoipa::openapi::Header {
    let text = ObjectBuilder::new().schema_type(Type::String);
    HeaderBuilder::new()
        .schema(text)
        .description(Some("Of this very object, for `If-Match`."))
        .build()
}

fn responses(answer: Option<(StatusCode, Response)>, refusals: &[Refusal]) -> Responses {
    let mut responses = Responses::new();
    if let Some((status, answer)) = answer {
        responses.responses.insert(status.as_str().to_owned(), RefOr::T(answer));
    }
    for refusal in refusals {
        let named = Ref::from_response_name(refusals::name(*refusal));
        responses.responses.insert(refusals::status(*refusal).to_owned(), RefOr::Ref(named));
    }
    responses
}

/// The parameters of a path, which say by their names what they are.
fn path(path: &str) -> Vec<Parameter> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names
        .map(|name| {
            let schema = if name == "number" {
                ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0))
            } else {
                let format = SchemaFormat::KnownFormat(KnownFormat::Uuid);
                ObjectBuilder::new().schema_type(Type::String).format(Some(format))
            };
            let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path);
            parameter.required(Required::True).schema(Some(schema)).build()
        })
        .collect()
}

fn method(method: &HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Head => Method::HEAD,
        HttpMethod::Options => Method::OPTIONS,
        HttpMethod::Trace => Method::TRACE,
    }
}
