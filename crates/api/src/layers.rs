//! What is around every route, whichever it is.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Response, StatusCode, header::STRICT_TRANSPORT_SECURITY},
    middleware,
};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{ApiError, observe::observe, traffic::Traffic};

/// A panic becomes an answer inside of what every answer gets.
pub(crate) fn with_layers(routes: Router, traffic: Arc<Traffic>) -> Router {
    routes.layer(CatchPanicLayer::custom(ApiError::from_panic)).layer(middleware::from_fn_with_state(traffic, observe))
}

/// For a server whose address is one of HTTPS: browsers that were here once come by nothing else for a year.
pub(crate) async fn by_https_alone(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    response
}

/// What a path answers to methods that it does not have.
pub(crate) async fn method_not_allowed() -> ApiError {
    let message = "this address does not know this method; the header `Allow` lists those it knows";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}

#[cfg(test)]
mod tests {
    use axum::{body::to_bytes, http::Request, routing::get};
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_like_any_other() {
        async fn panics() -> StatusCode {
            panic!("a secret")
        }
        let traffic = Arc::new(Traffic::default());
        let router = with_layers(Router::new().route("/", get(panics)), Arc::clone(&traffic));
        let answer = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(answer.headers().contains_key("x-request-id"));
        let body: Value = serde_json::from_slice(&to_bytes(answer.into_body(), 10_000).await.unwrap()).unwrap();
        let message = "an internal error occurred; please try again";
        let error = json!({"message": message, "type": "server_error", "param": null, "code": "internal_error"});
        assert_eq!(body, json!({"error": error}));
        let counted = "http_requests_total{method=\"GET\",route=\"/\",status=\"500\"} 1\n";
        assert!(traffic.text(std::time::Instant::now()).contains(counted), "what panics is counted too");
    }
}
