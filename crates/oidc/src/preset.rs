//! What the well-known providers need.
//!
//! **Google** is as the specification says, and vouches for addresses. **Microsoft** (Entra ID, v2.0) and **Azure AD B2C** let
//! administrators of any tenant write any address into an account, so their addresses prove nothing; `common`, whose tokens name another
//! issuer for each tenant, is not offered. B2C's documents are not where its issuer is, and its addresses are a list, `emails`. **Facebook**
//! is not plain OpenID Connect: its documents name no token endpoint, which we do; it wants the client's secret in the body, and says nothing
//! of whether an address is proved.

use crate::Settings;

/// A well-known provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preset {
    /// Google.
    Google,
    /// One tenant of Microsoft's Entra ID.
    Microsoft {
        /// Its id, a UUID.
        tenant_id: String,
    },
    /// A user flow of Azure AD B2C.
    AzureB2c {
        /// Its name: `contoso` of `contoso.b2clogin.com`.
        tenant: String,
        /// Its id, a UUID.
        tenant_id: String,
        /// The user flow: `B2C_1_sign_up_or_in`.
        policy: String,
    },
    /// Facebook.
    Facebook,
}

/// The version of Facebook's interface that we know.
const FACEBOOK_TOKEN: &str = "https://graph.facebook.com/v23.0/oauth/access_token";

impl Preset {
    /// Everything but the client, of which the provider was told.
    pub fn settings(&self, client_id: &str) -> Settings {
        let plain = |issuer: String| Settings::new(issuer, client_id);
        match self {
            Self::Google => Settings { email_trusted: true, ..plain("https://accounts.google.com".to_owned()) },
            Self::Microsoft { tenant_id } => plain(format!("https://login.microsoftonline.com/{tenant_id}/v2.0")),
            Self::AzureB2c { tenant, tenant_id, policy } => Settings {
                discovery_url: Some(format!(
                    "https://{tenant}.b2clogin.com/{tenant}.onmicrosoft.com/{policy}/v2.0/.well-known/openid-configuration"
                )),
                ..plain(format!("https://{tenant}.b2clogin.com/{tenant_id}/v2.0/"))
            },
            Self::Facebook => Settings {
                token_endpoint: Some(FACEBOOK_TOKEN.to_owned()),
                secret_in_body: true,
                scopes: ["openid", "email"].map(str::to_owned).to_vec(),
                ..plain("https://www.facebook.com".to_owned())
            },
        }
    }
}
