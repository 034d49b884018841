//! The list of routes, and the layers around them.

use axum::{Router, extract::DefaultBodyLimit, http::StatusCode, middleware, routing::get};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    ApiError, AppState,
    limit::by_address,
    observe::observe,
    openapi::{ApiDoc, finished},
    routes,
};

/// Every documented route. Routes of one path are one line.
fn documented() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        // Accounts.
        .routes(routes!(routes::auth::register::handler))
        .routes(routes!(routes::auth::login::handler))
        .routes(routes!(routes::auth::refresh::handler))
        .routes(routes!(routes::auth::logout::handler))
        .routes(routes!(routes::auth::providers::handler))
        .routes(routes!(routes::auth::sign_in::handler))
        .routes(routes!(routes::auth::link::handler))
        .routes(routes!(routes::auth::callback::handler))
        .routes(routes!(routes::users::me::handler))
        .routes(routes!(routes::identities::list::handler))
        .routes(routes!(routes::identities::unlink::handler))
        .routes(routes!(routes::sessions::list::handler))
        .routes(routes!(routes::sessions::end::handler))
        // Webhooks.
        .routes(routes!(routes::webhooks::list::handler, routes::webhooks::create::handler))
        .routes(routes!(routes::webhooks::get::handler, routes::webhooks::change::handler, routes::webhooks::delete::handler))
        .routes(routes!(routes::webhooks::rotate::handler))
        .routes(routes!(routes::webhooks::enable::handler))
        .routes(routes!(routes::webhooks::disable::handler))
        .routes(routes!(routes::webhooks::test::handler))
        .routes(routes!(routes::webhooks::deliveries::handler))
        .routes(routes!(routes::webhooks::resend::handler))
        // OpenAI's.
        .routes(routes!(routes::openai::generate::handler))
        .routes(routes!(routes::openai::file::handler))
        .routes(routes!(routes::openai::list_models::handler))
        .routes(routes!(routes::openai::get_model::handler))
        // For whoever runs the server.
        .routes(routes!(routes::health::live::handler))
        .routes(routes!(routes::health::ready::handler))
        .routes(routes!(routes::health::metrics::handler))
}

/// The documentation of every route.
pub fn openapi() -> utoipa::openapi::OpenApi {
    finished(documented().into_openapi())
}

/// Every route over a state.
pub fn router(state: AppState) -> Router {
    let body_limit = DefaultBodyLimit::max(state.config.body_bytes_max);
    let (documented, _) = documented().split_for_parts();
    let routes = documented
        // For people.
        .route("/", get(routes::page::index::html))
        .route("/assets/easel.css", get(routes::page::index::css))
        .route("/assets/easel.js", get(routes::page::index::js))
        .route("/docs", get(routes::docs::html))
        .route("/assets/docs.css", get(routes::docs::css))
        .route("/assets/docs.js", get(routes::docs::js))
        .route("/openapi.json", get(routes::docs::document))
        .fallback(|| async { ApiError::not_found() })
        .method_not_allowed_fallback(method_not_allowed)
        .layer(body_limit)
        .layer(middleware::from_fn_with_state(state.clone(), by_address))
        .with_state(state);
    with_layers(routes)
}

/// A panic becomes an answer inside of what every answer gets.
fn with_layers(routes: Router) -> Router {
    routes.layer(CatchPanicLayer::custom(ApiError::from_panic)).layer(middleware::from_fn(observe))
}

async fn method_not_allowed() -> ApiError {
    let message = "this address does not know this method; the header `Allow` lists those it knows";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}

#[cfg(test)]
mod tests {
    use axum::{
        body::{Body, to_bytes},
        http::Request,
    };
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_like_any_other() {
        async fn panics() -> StatusCode {
            panic!("a secret")
        }
        let router = with_layers(Router::new().route("/", get(panics)));
        let answer = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(answer.headers().contains_key("x-request-id"));
        let body: Value = serde_json::from_slice(&to_bytes(answer.into_body(), 10_000).await.unwrap()).unwrap();
        let message = "an internal error occurred; please try again";
        let error = json!({"message": message, "type": "server_error", "param": null, "code": "internal_error"});
        assert_eq!(body, json!({"error": error}));
    }
}
