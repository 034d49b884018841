//! Identity providers, from the operator's file (`docs/sign-in.md`). Their secrets are in the file or, sealed, in the database.

use std::{collections::BTreeMap, fs};

use easel_oidc::{ClientSecret, Preset, Provider, Settings};
use easel_outbound::Client;
use easel_platform::{
    Platform,
    keyring::Keyring,
    secrets::SecretStore,
    sign_in::{Offered, SignIn},
};
use serde::Deserialize;

use crate::{
    config::Config,
    error::{Exit, Failure, Result},
    platform::failed,
};

/// What stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    provider: Vec<Entry>,
}

/// One provider.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    title: Option<String>,
    preset: Option<String>,
    issuer: Option<String>,
    tenant: Option<String>,
    tenant_id: Option<String>,
    policy: Option<String>,
    client_id: String,
    client_secret: Option<String>,
    discovery_url: Option<String>,
    token_endpoint: Option<String>,
    scopes: Option<Vec<String>>,
    email_trusted: Option<bool>,
    #[serde(default)]
    link_by_email: bool,
}

/// The providers; none where no file is named.
pub async fn open(
    config: &Config,
    platform: &Platform,
    keyring: &Keyring,
    client: &Client,
    fetcher: Client,
    callback: String,
) -> Result<Option<SignIn>> {
    let Some(path) = &config.outside.providers else { return Ok(None) };
    let wrong = |what: String| Failure::new(Exit::Usage, format!("{}: {what}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| Failure::io(format!("cannot read {}", path.display()), &error))?;
    // What is wrong is said without the line it is in: that may hold a secret.
    let file: File = toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?;
    let secrets = SecretStore::new(platform.context.clone(), keyring.clone());
    let mut offered = BTreeMap::new();
    for entry in file.provider {
        let mut settings = settings(&entry).map_err(|what| wrong(format!("provider {}: {what}", entry.name)))?;
        settings.client_secret = match &entry.client_secret {
            Some(secret) => Some(ClientSecret::new(secret.clone())),
            None => {
                let kept = secrets.get(&format!("oidc:{}", entry.name)).await.map_err(|error| failed(&error))?;
                kept.map(|secret| ClientSecret::new(secret.as_str()))
            }
        };
        let one = Offered {
            title: entry.title.clone().unwrap_or_else(|| entry.name.clone()),
            provider: Provider::new(settings, client.clone()),
            link_by_email: entry.link_by_email,
        };
        if offered.insert(entry.name.clone(), one).is_some() {
            return Err(wrong(format!("two providers are called {}", entry.name)));
        }
    }
    let sign_in = SignIn::new(platform.context.clone(), platform.accounts.clone(), keyring.clone(), offered, callback);
    Ok(Some(sign_in.with_pictures(platform.images.clone(), fetcher)))
}

fn settings(entry: &Entry) -> std::result::Result<Settings, String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if entry.name.is_empty() || entry.name == "callback" || !entry.name.bytes().all(plain) {
        return Err("a name is of a-z, 0-9 and dashes, and not `callback`".to_owned());
    }
    let need = |value: &Option<String>, name: &str| value.clone().ok_or_else(|| format!("`{name}` is missing"));
    let preset = match entry.preset.as_deref() {
        None => None,
        Some("google") => Some(Preset::Google),
        Some("facebook") => Some(Preset::Facebook),
        Some("microsoft") => Some(Preset::Microsoft { tenant_id: tenant_id(entry)? }),
        Some("azure_b2c") => Some(Preset::AzureB2c {
            tenant: need(&entry.tenant, "tenant")?,
            tenant_id: tenant_id(entry)?,
            policy: need(&entry.policy, "policy")?,
        }),
        Some(other) => return Err(format!("there is no preset {other}; there are google, microsoft, azure_b2c and facebook")),
    };
    let mut settings = match preset {
        Some(preset) => preset.settings(&entry.client_id),
        None => Settings::new(need(&entry.issuer, "issuer")?, &entry.client_id),
    };
    settings.discovery_url = entry.discovery_url.clone().or(settings.discovery_url);
    settings.token_endpoint = entry.token_endpoint.clone().or(settings.token_endpoint);
    settings.scopes = entry.scopes.clone().unwrap_or(settings.scopes);
    settings.email_trusted = entry.email_trusted.unwrap_or(settings.email_trusted);
    Ok(settings)
}

/// Tokens of `common` and its kin name another issuer for each tenant: whoever has any account at Microsoft could come.
fn tenant_id(entry: &Entry) -> std::result::Result<String, String> {
    let id = entry.tenant_id.clone().ok_or("`tenant_id` is missing")?;
    let uuid = id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if uuid {
        Ok(id)
    } else {
        Err("`tenant_id` is the tenant's UUID; `common`, `organizations` and `consumers` are not offered".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> std::result::Result<Settings, String> {
        let file: File =
            toml::from_str(&format!("[[provider]]\nclient_id = \"c\"\n{text}")).map_err(|error| error.message().to_owned())?;
        settings(&file.provider[0])
    }

    #[test]
    fn presets_and_own_providers_are_read() {
        let google = read("name = \"google\"\npreset = \"google\"").unwrap();
        assert_eq!((google.issuer.as_str(), google.email_trusted), ("https://accounts.google.com", true));
        let own = read("name = \"own\"\nissuer = \"https://id.example.org\"").unwrap();
        assert_eq!((own.issuer.as_str(), own.email_trusted), ("https://id.example.org", false));
        let b2c = "name = \"b2c\"\npreset = \"azure_b2c\"\ntenant = \"contoso\"\npolicy = \"B2C_1_in\"\n\
                   tenant_id = \"01890a5d-ac96-774b-bcce-b302099a8057\"";
        let b2c = read(b2c).unwrap();
        assert_eq!(b2c.issuer, "https://contoso.b2clogin.com/01890a5d-ac96-774b-bcce-b302099a8057/v2.0/");
        assert!(b2c.discovery_url.unwrap().starts_with("https://contoso.b2clogin.com/contoso.onmicrosoft.com/B2C_1_in/v2.0/"));
    }

    #[test]
    fn what_cannot_be_used_is_said_without_secrets() {
        for (text, what) in [
            ("name = \"callback\"\nissuer = \"https://x.example\"", "a name is of"),
            ("name = \"G\"\npreset = \"google\"", "a name is of"),
            ("name = \"x\"", "`issuer` is missing"),
            ("name = \"x\"\npreset = \"github\"", "there is no preset github"),
            ("name = \"x\"\npreset = \"microsoft\"\ntenant_id = \"common\"", "not offered"),
            ("name = \"x\"\nclient_secret = \"hunter2\"\nsecret = \"hunter2\"", "unknown field"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(what) && !error.contains("hunter2"), "{error}");
        }
    }
}
