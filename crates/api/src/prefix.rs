//! Another beginning of Easel's own routes than `/api/v1`, where the operator wants one.
//!
//! The address is written anew before any route is looked for, so that limits, errors and the logs know one name of each. `/api/v1` goes on
//! answering: the application asks there, and what answers name begins with it. The document names the operator's.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::Uri,
    middleware,
};
use utoipa::openapi::OpenApi;

/// What our own routes begin with.
const OURS: &str = "/api/v1";
/// What other routes and the application's pages begin with: none of them is anybody's prefix.
const TAKEN: [&str; 10] =
    ["v1", "sdapi", "controlnet", "internal", "docs", "assets", "openapi.json", "health", "metrics", "shared"];
/// Bytes of a prefix.
const LENGTH_MAX: usize = 100;

/// Whether our routes can begin with this: `/a/b`, of small letters, digits, dots, dashes and underscores, and nothing that others begin with.
pub fn is_prefix(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let Some(rest) = text.strip_prefix('/') else { return false };
    let mut parts = rest.split('/');
    let first = parts.clone().next().unwrap_or_default();
    text.len() <= LENGTH_MAX
        && parts.all(|part| !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain))
        && !TAKEN.contains(&first)
        // Neither of two beginnings may begin with the other.
        && (text == OURS || !(begins(OURS, text) || begins(text, OURS)))
}

/// Whether a path is this one, or below it.
fn begins(path: &str, with: &str) -> bool {
    path.strip_prefix(with).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The routes, by another beginning as well.
pub(crate) fn under(prefix: &str, routes: Router) -> Router {
    if prefix == OURS {
        return routes;
    }
    Router::new().fallback_service(routes).layer(middleware::map_request_with_state(Arc::<str>::from(prefix), renamed))
}

async fn renamed(State(prefix): State<Arc<str>>, mut request: Request) -> Request {
    if let Some(uri) = own(&prefix, request.uri()) {
        *request.uri_mut() = uri;
    }
    request
}

/// An address by our own name, if it has the other.
fn own(prefix: &str, uri: &Uri) -> Option<Uri> {
    let rest = uri.path().strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(format!("{OURS}{rest}{query}").parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// The document with our routes by the other beginning.
pub(crate) fn documented(prefix: &str, mut document: OpenApi) -> OpenApi {
    let paths = std::mem::take(&mut document.paths.paths);
    let named = |path: String| match path.strip_prefix(OURS) {
        Some(rest) => format!("{prefix}{rest}"),
        None => path,
    };
    document.paths.paths = paths.into_iter().map(|(path, item)| (named(path), item)).collect();
    document
}

#[cfg(test)]
mod tests {
    use axum::{
        body::{Body, to_bytes},
        extract::{MatchedPath, RawQuery},
        http::{Request, StatusCode},
        routing::get,
    };
    use tower::ServiceExt;

    use super::*;

    #[test]
    fn a_prefix_is_plain_and_nobody_elses() {
        for good in ["/api/v1", "/api/v2", "/easel", "/pictures/api/v1.0", "/api/v1-b"] {
            assert!(is_prefix(good), "{good}");
        }
        for bad in [
            "",
            "/",
            "api",
            "/api/",
            "/api",
            "/api/v1/x",
            "/v1",
            "/v1/easel",
            "/docs",
            "/a//b",
            "/a/../b",
            "/A",
            "/a b",
            "/a?b",
            "/ä",
        ] {
            assert!(!is_prefix(bad), "{bad}");
        }
    }

    #[tokio::test]
    async fn both_beginnings_answer_by_one_name() {
        async fn told(matched: MatchedPath, RawQuery(query): RawQuery) -> String {
            format!("{} {}", matched.as_str(), query.unwrap_or_default())
        }
        let routes = Router::new().route("/api/v1/jobs/{id}", get(told)).route("/health", get(told));
        let router = under("/easel", routes);
        let ask = async |path: &str| {
            let request = Request::builder().uri(path).body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            let status = answer.status();
            (status, String::from_utf8(to_bytes(answer.into_body(), 1000).await.unwrap().to_vec()).unwrap())
        };
        for path in ["/easel/jobs/7?a=b%20c", "/api/v1/jobs/7?a=b%20c"] {
            assert_eq!(ask(path).await, (StatusCode::OK, "/api/v1/jobs/{id} a=b%20c".to_owned()), "{path}");
        }
        assert_eq!(ask("/health").await.0, StatusCode::OK);
        for path in ["/easeljobs/7", "/easel/health", "/easel"] {
            assert_eq!(ask(path).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }
}
