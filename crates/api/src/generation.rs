//! From a finished picture to what a client gets: encoded off the async threads, with its parameters inside, as base64 or as a file.

use axum::http::{HeaderMap, StatusCode, Uri, header::HOST};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use easel_engine::Picture;
use easel_imaging::{EncodeOptions, PngLevel, encode};

use crate::{
    ApiError, AppState,
    compat::openai::{request::ImageRequest, response::ImageData},
    infotext,
};

/// The scheme and host our addresses begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl(String);

impl BaseUrl {
    /// As configured, else what the client called us by, if that can be a host's name.
    pub(crate) fn of(state: &AppState, uri: &Uri, headers: &HeaderMap) -> Result<Self, ApiError> {
        if let Some(configured) = &state.config.public_url {
            return Ok(Self(configured.trim_end_matches('/').to_owned()));
        }
        // HTTP/2 has the host in its address, HTTP/1.1 in a header.
        let host = uri.authority().map(|authority| authority.as_str());
        let host = host.or_else(|| headers.get(HOST).and_then(|host| host.to_str().ok()));
        match host.filter(|host| is_host(host)) {
            Some(host) => Ok(Self(format!("http://{host}"))),
            None => Err(invalid_host()),
        }
    }

    fn file(&self, name: &str) -> String {
        format!("{}/v1/images/files/{name}", self.0)
    }
}

pub(crate) fn invalid_host() -> ApiError {
    let message = "the header `Host` names no host";
    ApiError::new(StatusCode::BAD_REQUEST, "invalid_host", message)
}

/// Letters, digits, dots and dashes, or an IPv6 address in brackets, and perhaps a port: nothing that could end the host early.
pub(crate) fn is_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let name_is_good = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')),
    };
    host.len() <= 255 && name_is_good && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// Encodes a picture and puts it where the client wants it; without a base address, into the answer itself.
pub(crate) async fn deliver(
    state: &AppState,
    request: &ImageRequest,
    base: Option<&BaseUrl>,
    picture: Picture,
) -> Result<ImageData, ApiError> {
    let seed = picture.resolved.seed;
    let bytes = encode_picture(state, request, picture).await?;
    let Some(base) = base else {
        return Ok(ImageData { b64_json: Some(BASE64.encode(bytes)), url: None, seed });
    };
    let name = state.files.put(bytes, request.output_format).await.map_err(|error| {
        tracing::error!(%error, "a picture could not be kept");
        let message = "the picture was made but could not be kept; use response_format b64_json";
        ApiError::new(StatusCode::INSUFFICIENT_STORAGE, "storage_failed", message)
    })?;
    Ok(ImageData { b64_json: None, url: Some(base.file(&name)), seed })
}

async fn encode_picture(state: &AppState, request: &ImageRequest, picture: Picture) -> Result<Vec<u8>, ApiError> {
    let (format, compression) = (request.output_format, request.compression);
    let write_parameters = state.config.write_parameters;
    let encoding = tokio::task::spawn_blocking(move || {
        let parameters = write_parameters.then(|| infotext(&picture.resolved).to_string());
        let options = EncodeOptions {
            png_level: PngLevel::Fast,
            quality: compression.quality,
            lossless: compression.lossless,
            parameters: parameters.as_deref(),
            ..EncodeOptions::new(format)
        };
        encode(&picture.image, &options)
    });
    let bytes = encoding.await.map_err(|error| {
        tracing::error!(%error, "an encoder panicked");
        ApiError::internal()
    })??;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::is_host;

    #[test]
    fn a_host_cannot_smuggle_anything_into_an_address() {
        for good in ["localhost", "localhost:8080", "192.168.1.7:80", "a-b.example.com", "[::1]:7860", "[2001:db8::1]"] {
            assert!(is_host(good), "{good}");
        }
        for bad in ["", ":80", "a b", "evil.com/", "a@b", "a?b", "a#b", "a\"b", "a:b", "a:99999", "[::1", "[x]:1", "a:1:2", "é"]
        {
            assert!(!is_host(bad), "{bad}");
        }
        assert!(!is_host(&"a".repeat(300)));
    }
}
