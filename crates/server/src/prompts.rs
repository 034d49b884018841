//! What helps to write a prompt, as configured: the operator's styles, read whole or not at all, and a chat model.

use std::sync::Arc;

use easel_outbound::{Client, OutboundError, Policy, Url};
use easel_platform::{
    keyring::ServerKey,
    prompts::{Catalogue, ChatModel, ChatSettings, Settings},
};

use crate::{
    config::{Config, prompts::Model},
    error::{Exit, Failure, Result},
};

/// Reads the styles, and asks nobody anything yet.
pub fn settings(config: &Config) -> Result<Settings> {
    let styles = config.prompts.styles.as_ref().map(|path| Catalogue::with_folder(path)).transpose();
    let styles = styles.map_err(|error| Failure::new(Exit::Usage, format!("cannot use `prompts.styles_file`: {error}")))?;
    let model = config.prompts.model.as_ref().map(model).transpose()?;
    Ok(Settings { styles: styles.map(Arc::new), model })
}

/// With a client of its own: the address the operator named is all it reaches, within the network or not.
fn model(model: &Model) -> Result<ChatModel> {
    let unusable = |what: &str| Failure::new(Exit::Usage, format!("cannot use `prompts.model_url`: {what}"));
    let client = client_for(&model.url).map_err(|what| unusable(&what))?;
    let settings = ChatSettings {
        url: model.url.clone(),
        name: model.name.clone(),
        key: model.key.clone().map(ServerKey::new),
        time_limit: model.time_limit,
    };
    ChatModel::new(client, settings).map_err(|error| unusable(&error.to_string()))
}

/// A client that reaches this address, within the network or not, and nothing else within it.
pub fn client_for(url: &str) -> std::result::Result<Client, String> {
    let url: Url = url.parse().map_err(|_| "it is not an address".to_owned())?;
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err("it names no host".to_owned());
    };
    let host = format!("{host}:{port}").parse().map_err(|error: OutboundError| error.to_string())?;
    Client::new(Policy { internal_hosts: vec![host], ..Policy::default() }).map_err(|error| error.to_string())
}
