//! The documentation of every route, made from the routes themselves: `/openapi.json`, and `docs/openapi.json` in the repository, which a test
//! compares.
//!
//! A route is documented where it is written (`#[utoipa::path]` at its handler) and registered with its documentation in one line of
//! `router.rs`. What all of them share is added here: how to let oneself in, and what errors look like.

use utoipa::{
    Modify, OpenApi, ToSchema,
    openapi::{
        ContentBuilder, Deprecated, HttpMethod, OpenApi as Document, Ref, RefOr, ResponseBuilder,
        path::Operation,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

/// Another name of a route, which clients of earlier designs know: the same handlers, and in the document as deprecated.
pub(crate) struct Alias {
    /// The other name.
    pub(crate) path: &'static str,
    /// The route's own.
    pub(crate) of: &'static str,
    /// With this ending of the names of its operations.
    pub(crate) ending: &'static str,
    /// With these methods of it.
    pub(crate) methods: &'static [HttpMethod],
}

/// Errors that any route may answer with, and why.
const ERRORS: [(&str, &str); 2] = [
    ("4XX", "Refused: what to do about it is in the message, why is in the code"),
    ("5XX", "The server's own failure; `Retry-After` says when to try again, where that makes sense"),
];

/// What the document begins with.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Easel",
        description = "Self-hosted image generation. Routes under `/api/v1` are Easel's own; those under `/v1` are OpenAI's, for programs \
                       made for them. Every answer carries `x-request-id`; every error has the same shape and a stable code.",
        license(name = "MIT", identifier = "MIT")
    ),
    components(schemas(ErrorBody, A1111ErrorBody)),
    modifiers(&Shared),
    tags(
        (name = "auth", description = "Registering, logging in, sessions"),
        (name = "users", description = "Whoever is logged in"),
        (name = "api-keys", description = "Keys for programs"),
        (name = "credits", description = "What somebody has, and what things cost"),
        (name = "jobs", description = "What somebody asked for, and how far it is"),
        (name = "images", description = "Pictures"),
        (name = "prompts", description = "What helps to write a prompt: styles, enhancement, suggestions, one's earlier prompts"),
        (name = "gallery", description = "Everybody's pictures: likes, comments, follows, links, reports"),
        (name = "webhooks", description = "Telling somebody's own server of what happens, signed as Standard Webhooks has it"),
        (name = "providers", description = "External image services: whether your prompts may leave this server, and accounts of your own"),
        (name = "admin", description = "For whoever administers the server"),
        (name = "openai", description = "OpenAI's Images and Models API"),
        (name = "a1111", description = "AUTOMATIC1111's API; errors have its form, and Basic authentication is understood"),
        (name = "health", description = "For load balancers and whatever restarts the process"),
    )
)]
pub(crate) struct ApiDoc;

/// An error.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"error": {"message": "there is no such job", "type": "invalid_request_error", "param": null, "code": "not_found"}}))]
#[expect(dead_code, reason = "only its shape is used: errors are written by ApiError")]
struct ErrorBody {
    /// What went wrong.
    error: ErrorDetail,
}

/// What went wrong.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its shape is used: errors are written by ApiError")]
struct ErrorDetail {
    /// For people: what to do about it.
    message: String,
    /// The kind, in OpenAI's words.
    #[schema(rename = "type")]
    kind: String,
    /// The field to blame, if one is.
    param: Option<String>,
    /// For programs; stable.
    code: String,
    /// The numbers of some refusals: what is needed and what is there, which limit and how much it allows.
    #[schema(value_type = Option<Object>, example = json!({"needed": "4", "available": "1"}))]
    details: Option<serde_json::Value>,
}

/// An error of AUTOMATIC1111's routes: as FastAPI has it where a field is to blame, else as A1111 has it.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"error": "HTTPException", "detail": "there is no such job", "body": "", "errors": "", "code": "not_found"}))]
#[expect(dead_code, reason = "only its shape is used: errors are written by routes/a1111/layers.rs")]
struct A1111ErrorBody {
    /// What to do about it: for people, or the fields to blame.
    detail: serde_json::Value,
    /// For programs; stable.
    code: String,
    /// `HTTPException`, where no field is to blame.
    error: Option<String>,
}

/// What all routes share.
struct Shared;

impl Modify for Shared {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_with(Default::default);
        let bearer =
            |text: &str| SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(text)).build());
        let schemes = [
            ("session", bearer("An access token, `ea_…`, from `/api/v1/auth/login`. Routes name the least role that is needed.")),
            ("api_key", bearer("An API key, `ik_…`, from `/api/v1/api-keys`. Routes name the scope that is needed.")),
            (
                "cookie",
                SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
                    "__Host-easel_access",
                    "A browser's session. What changes something must repeat the cookie `__Host-easel_csrf` in the header `x-csrf-token`.",
                ))),
            ),
        ];
        components.security_schemes.extend(schemes.map(|(name, scheme)| (name.to_owned(), scheme)));
    }
}

/// Adds to every operation what any of them may answer, and writes paths as the specification has them: axum's `{*rest}` is one parameter.
pub(crate) fn finished(mut document: Document, aliases: &[Alias], old: &[&str]) -> Document {
    for alias in aliases {
        add_alias(&mut document, alias);
    }
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        operations.into_iter().flatten().for_each(add_errors);
    }
    for (_, item) in document.paths.paths.iter_mut().filter(|(path, _)| old.iter().any(|beginning| path.starts_with(beginning))) {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        operations.into_iter().flatten().for_each(|operation| operation.deprecated = Some(Deprecated::True));
    }
    document
}

/// The operations that an alias has, as those of the route it stands for.
fn add_alias(document: &mut Document, alias: &Alias) {
    let Some(item) = document.paths.paths.get(alias.of) else { return };
    let of = |method: &HttpMethod| match method {
        HttpMethod::Get => item.get.clone(),
        HttpMethod::Post => item.post.clone(),
        HttpMethod::Put => item.put.clone(),
        HttpMethod::Patch => item.patch.clone(),
        HttpMethod::Delete => item.delete.clone(),
        HttpMethod::Options | HttpMethod::Head | HttpMethod::Trace => None,
    };
    let operations: Vec<_> = alias.methods.iter().filter_map(|method| Some((method.clone(), of(method)?))).collect();
    for (method, mut operation) in operations {
        operation.deprecated = Some(Deprecated::True);
        operation.operation_id = operation.operation_id.map(|name| format!("{name}_{}", alias.ending));
        operation.description = Some(format!("Another name of `{}`.", alias.of));
        document.paths.add_path_operation(alias.path, vec![method], operation);
    }
}

fn add_errors(operation: &mut Operation) {
    let of_a1111 = operation.tags.iter().flatten().any(|tag| tag == "a1111");
    let shape = if of_a1111 { "A1111ErrorBody" } else { "ErrorBody" };
    for (range, why) in ERRORS {
        let content = ContentBuilder::new().schema(Some(RefOr::Ref(Ref::from_schema_name(shape)))).build();
        let response = ResponseBuilder::new().description(why).content("application/json", content).build();
        operation.responses.responses.entry(range.to_owned()).or_insert(RefOr::T(response));
    }
}
