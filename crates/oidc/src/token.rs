//! The code for a token: from us to the provider, with the verifier and our secret.

use bytes::Bytes;
use easel_outbound::{Client, Method, Reach, Request, header};
use serde::Deserialize;
use url::form_urlencoded::{Serializer, byte_serialize};

use crate::{ClientSecret, OidcError, Returned, Settings, documents::Metadata};

#[derive(Deserialize)]
struct Answer {
    id_token: Option<String>,
}

/// The token, of which nothing is believed yet.
pub(crate) async fn exchange(
    client: &Client,
    settings: &Settings,
    metadata: &Metadata,
    returned: Returned<'_>,
) -> Result<String, OidcError> {
    let url = settings.token_endpoint.as_ref().or(metadata.token_endpoint.as_ref());
    let url = url.ok_or(OidcError::Provider("it names no token endpoint"))?;
    let request = request(url, settings, metadata, returned)?;
    let response = client.send(request).await?;
    if !response.status.is_success() {
        return Err(OidcError::Code);
    }
    let answer: Answer = serde_json::from_slice(&response.body).map_err(|_| OidcError::Token("it cannot be read"))?;
    answer.id_token.ok_or(OidcError::Token("there is no token in it"))
}

fn request(url: &str, settings: &Settings, metadata: &Metadata, returned: Returned<'_>) -> Result<Request, OidcError> {
    let mut headers = header::HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/x-www-form-urlencoded"));
    headers.insert(header::ACCEPT, header::HeaderValue::from_static("application/json"));
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", returned.code)
        .append_pair("redirect_uri", returned.redirect_uri)
        .append_pair("code_verifier", returned.verifier)
        .append_pair("client_id", &settings.client_id);
    match &settings.client_secret {
        Some(secret) if in_body(settings, metadata) => drop(form.append_pair("client_secret", secret.text())),
        Some(secret) => drop(headers.insert(header::AUTHORIZATION, basic(&settings.client_id, secret)?)),
        None => {}
    }
    Ok(Request {
        method: Method::POST,
        url: url.to_owned(),
        headers,
        body: Bytes::from(form.finish()),
        limits: None,
        reach: Reach::Policy,
    })
}

/// In a header, as the specification prefers, unless the provider takes secrets in the body alone.
fn in_body(settings: &Settings, metadata: &Metadata) -> bool {
    let takes = |method: &str| metadata.token_endpoint_auth_methods_supported.iter().any(|known| known == method);
    settings.secret_in_body || (takes("client_secret_post") && !takes("client_secret_basic"))
}

/// RFC 6749, section 2.3.1: both parts are form-encoded first.
fn basic(client_id: &str, secret: &ClientSecret) -> Result<header::HeaderValue, OidcError> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(client_id), encoded(secret.text()));
    let value = header::HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(pair)));
    let mut value = value.map_err(|_| OidcError::Provider("the client's name cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}
