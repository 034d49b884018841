//! Addresses that clients of earlier designs know. An operator who has none switches them off: then there is nothing at them, and the document
//! does not have them.

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::{IntoResponse, Response},
};
use utoipa::openapi::OpenApi;

use crate::ApiError;

/// These, and all below them.
const EARLIER: [&str; 5] =
    ["/api/v1/tasks", "/api/v1/generate", "/api/v1/users/profile", "/api/v1/users/usage", "/api/v1/auth/me"];

fn is_earlier(path: &str) -> bool {
    EARLIER.iter().any(|earlier| path.strip_prefix(earlier).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// The layer of a server without them.
pub(crate) async fn refused(request: Request, next: Next) -> Response {
    let earlier = request.extensions().get::<MatchedPath>().is_some_and(|route| is_earlier(route.as_str()));
    if earlier { ApiError::not_found().into_response() } else { next.run(request).await }
}

/// The document without them.
pub(crate) fn left_out(mut document: OpenApi) -> OpenApi {
    document.paths.paths.retain(|path, _| !is_earlier(path));
    document
}

#[cfg(test)]
mod tests {
    use super::is_earlier;

    #[test]
    fn addresses_of_now_are_none_of_them() {
        for earlier in ["/api/v1/tasks", "/api/v1/tasks/{id}/events", "/api/v1/generate/history", "/api/v1/auth/me"] {
            assert!(is_earlier(earlier), "{earlier}");
        }
        for now in ["/api/v1/images/generate", "/api/v1/users/me", "/api/v1/users/{username}", "/health", "/api/v1/tasksx"] {
            assert!(!is_earlier(now), "{now}");
        }
    }
}
