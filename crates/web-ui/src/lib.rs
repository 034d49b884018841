//! The web application of `web/`, inside of the program.
//!
//! Files with a hash in their name never change and are kept for ever; everything else is asked for again, which costs nothing while it is the
//! same. An address that is neither a file nor the API's is the application's own: it gets the page, whose router knows what to show. The
//! policy allows scripts, styles, fonts and pictures of this server alone, and nothing inline.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

const PAGE: &str = "index.html";
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; \
    connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Addresses that are programs' business: what is not there is an error, not a page.
const NOT_PAGES: [&str; 6] = ["api", "v1", "assets", "health", "metrics", "files"];

/// As `build.rs` found or built it.
#[derive(RustEmbed)]
#[folder = "$OUT_DIR/dist"]
struct Files;

/// The answer for a path; `None` if there is none.
pub fn find(path: &str, sent: &HeaderMap) -> Option<Response> {
    let name = path.trim_start_matches('/');
    // What is compressed is sent under its plain name, and what the build wrote down is nobody's business.
    let hidden = name.ends_with(".gz") || name.ends_with(".br") || name.starts_with('.');
    if !name.is_empty() && !hidden && Files::get(name).is_some() {
        return answer(name, sent);
    }
    let first = name.split('/').next().unwrap_or_default();
    let like_a_file = name.rsplit('/').next().is_some_and(|last| last.contains('.'));
    (!NOT_PAGES.contains(&first) && !like_a_file).then(|| answer(PAGE, sent)).flatten()
}

/// The page with more in its head, which must be well-formed; as it is for this address alone, nobody keeps it.
pub fn page_with(head: &str) -> Option<Response> {
    const END: &str = "</head>";
    let page = Files::get(PAGE)?;
    let text = std::str::from_utf8(&page.data).ok()?;
    let (before, after) = text.split_once(END)?;
    let headers = [
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CONTENT_TYPE, media_type(PAGE)),
    ];
    Some((headers, format!("{before}{head}{END}{after}")).into_response())
}

fn answer(name: &str, sent: &HeaderMap) -> Option<Response> {
    let plain = Files::get(name)?;
    let tag = tag_of(&plain);
    let (file, encoding) = encoded(name, sent).unwrap_or((plain, None));
    let caching = if is_hashed(name) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::ETAG, HeaderValue::from_str(&tag).ok()?);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // A browser that has the page takes over what comes with "not modified", so the policy comes with that too.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if sent.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Some((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(name)));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Some((headers, Body::from(file.data)).into_response())
}

/// The smaller version the client takes, if there is one.
fn encoded(name: &str, sent: &HeaderMap) -> Option<(EmbeddedFile, Option<&'static str>)> {
    let taken = sent.get(header::ACCEPT_ENCODING)?.to_str().ok()?;
    let takes = |name: &str| taken.split(',').any(|one| one.split(';').next().is_some_and(|one| one.trim() == name));
    [("br", "br"), ("gzip", "gz")]
        .into_iter()
        .filter(|(encoding, _)| takes(encoding))
        .find_map(|(encoding, ending)| Files::get(&format!("{name}.{ending}")).map(|file| (file, Some(encoding))))
}

fn tag_of(file: &EmbeddedFile) -> String {
    let digest: String = file.metadata.sha256_hash()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    // Weak: it names the file, however it is compressed.
    format!("W/\"{digest}\"")
}

/// Vite's names: `assets/Gallery-D3RZ0OkP.js`.
fn is_hashed(name: &str) -> bool {
    let stem = name.strip_prefix("assets/").and_then(|name| name.rsplit_once('.')).map(|(stem, _)| stem);
    let hash =
        stem.filter(|stem| stem.len() > 9 && stem.is_char_boundary(stem.len() - 9)).map(|stem| stem.split_at(stem.len() - 9).1);
    let letters = |hash: &str| hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    hash.and_then(|hash| hash.strip_prefix('-')).is_some_and(letters)
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::is_hashed;

    #[test]
    fn only_names_with_a_hash_are_kept_for_ever() {
        for good in ["assets/index-BnL7I77p.js", "assets/inter-latin-wght-normal-Dx4kXJAl.woff2", "assets/a-bU24_W-6.js"] {
            assert!(is_hashed(good), "{good}");
        }
        for bad in [
            "index.html",
            "sw.js",
            "theme.js",
            "assets/clip-merges.txt",
            "icon-192.png",
            "assets/index.js",
            "assets/é-é-é-é-é.js",
        ] {
            assert!(!is_hashed(bad), "{bad}");
        }
    }
}
