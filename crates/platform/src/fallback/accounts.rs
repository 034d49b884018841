//! Which model each of the operator's accounts serves, and everybody who might serve an order.

use std::{collections::BTreeMap, sync::Arc};

use easel_providers::{Candidate, Fleet, Kind, Order, ProviderId, Registered, Secret};

use super::{Fallback, ServedBy, own::OwnAccounts};

/// What the operator says of an account beside the account itself.
pub(super) struct Serving {
    pub kind: Kind,
    pub models: BTreeMap<String, String>,
    pub default_model: Option<String>,
    pub webhook_secret: Option<Secret>,
}

/// Everybody who may serve one person's jobs.
#[derive(Clone)]
pub(super) struct Everybody {
    pub fallback: Fallback,
    pub own: Option<Arc<OwnAccounts>>,
}

impl Everybody {
    /// Who might serve an order for the model `asked`: their own accounts first.
    pub fn candidates(&self, order: &Order, asked: &str) -> Vec<Candidate> {
        let now = self.fallback.now();
        let mut all = Vec::new();
        if let Some(own) = &self.own {
            all.extend(own.fleet.candidates(order, |id| own.model(id), now));
        }
        all.extend(self.fallback.inner.fleet.candidates(order, |id| self.fallback.model_at(id, asked), now));
        all
    }

    /// The fleet an account is in, and the account.
    pub fn find(&self, id: &ProviderId) -> Option<(&Fleet, &Registered)> {
        let own = self.own.as_ref().map(|own| &own.fleet);
        own.into_iter().chain([&self.fallback.inner.fleet]).find_map(|fleet| Some((fleet, fleet.registry().get(id)?)))
    }

    /// As a job's row names it.
    pub fn served_by(&self, id: &ProviderId, model: &str) -> Option<ServedBy> {
        let (_, registered) = self.find(id)?;
        let title = self.own.as_ref().and_then(|own| own.title(id));
        Some(ServedBy {
            provider: id.to_string(),
            kind: registered.provider.kind(),
            model: model.to_owned(),
            own: title.is_some(),
            title: title.unwrap_or_else(|| id.to_string()),
        })
    }
}

impl Fallback {
    /// The model at an account for one that is asked for here: as the operator says, else of the same name, else the account's default.
    pub(super) fn model_at(&self, id: &ProviderId, asked: &str) -> Option<String> {
        let serving = self.inner.serving.get(id)?;
        let same = || {
            let there = &self.inner.fleet.registry().get(id)?.models;
            there.iter().find(|name| *name == asked).cloned()
        };
        serving.models.get(asked).cloned().or_else(same).or_else(|| serving.default_model.clone())
    }
}
