//! What helps to write a prompt, as configured: the operator's styles, read whole or not at all, and a chat model.

use std::sync::Arc;

use easel_outbound::{Client, OutboundError, Policy, Url};
use easel_platform::prompts::{Catalogue, ChatModel, ChatSettings, ModelKey, Settings};

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
    let url: Url = model.url.parse().map_err(|_| unusable("it is not an address"))?;
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err(unusable("it names no host"));
    };
    let host = format!("{host}:{port}").parse().map_err(|error: OutboundError| unusable(&error.to_string()))?;
    let client = Client::new(Policy { internal_hosts: vec![host], ..Policy::default() });
    let client = client.map_err(|error| Failure::new(Exit::Failure, error.to_string()))?;
    let settings = ChatSettings {
        url: model.url.clone(),
        name: model.name.clone(),
        key: model.key.clone().map(ModelKey::new),
        time_limit: model.time_limit,
    };
    ChatModel::new(client, settings).map_err(|error| unusable(&error.to_string()))
}
