//! The web application: everything that is no route of the API. Its own router shows what the address means.

mod preview;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, Method, Uri, header},
    response::{IntoResponse, Response},
};

use crate::{ApiError, AppState, Cdn, auth::Place, generation::BaseUrl};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A file of the application, or its page; what is meant for programs is an error they can read.
pub(crate) async fn page(State(state): State<AppState>, place: Place, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        return ApiError::not_found().into_response();
    }
    if let Ok(base) = BaseUrl::of(&state, &uri, &headers)
        && let Some(tags) = preview::tags(&state, uri.path(), &base, place.ip.as_deref().unwrap_or_default()).await
        && let Some(page) = easel_web_ui::page_with(&tags)
    {
        return with_pictures_of(state.cdn(), page);
    }
    let found = easel_web_ui::find(uri.path(), &headers).map(|page| with_pictures_of(state.cdn(), page));
    found.unwrap_or_else(|| ApiError::not_found().into_response())
}

/// With a policy that lets a page show pictures from there too.
fn with_pictures_of(cdn: Option<&Cdn>, mut page: Response) -> Response {
    const OURS: &str = "img-src 'self'";
    let policy = page.headers().get(header::CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok());
    let policy = cdn.zip(policy).map(|(cdn, policy)| policy.replace(OURS, &format!("{OURS} {}", cdn.origin())));
    if let Some(Ok(policy)) = policy.map(HeaderValue::try_from) {
        page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    page
}

/// A page that is no part of it.
pub(crate) fn file(media_type: &'static str, text: &'static str) -> Response {
    let headers =
        [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "no-cache"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, text).into_response()
}
