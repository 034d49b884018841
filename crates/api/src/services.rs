//! What a server may offer beside accounts and pictures, each where it is set up.

use std::sync::Arc;

use easel_platform::{
    OutboundClient, fallback::Fallback, limits::Limits, payments::Payments, sign_in::SignIn, webhooks::Webhooks,
};

use crate::{Adapters, ApiError, AppState};

/// What is set up.
#[derive(Debug, Clone, Default)]
pub struct Services {
    /// Telling users' own servers of what happens.
    pub webhooks: Option<Webhooks>,
    /// Logging in elsewhere.
    pub sign_in: Option<SignIn>,
    /// How many requests somebody may make.
    pub limits: Option<Limits>,
    /// Fetching pictures from addresses that users name.
    pub fetcher: Option<OutboundClient>,
    /// LoRAs, learnt tokens and ControlNets.
    pub adapters: Option<Arc<dyn Adapters>>,
    /// Taking money.
    pub payments: Option<Payments>,
    /// Work that is done elsewhere.
    pub fallback: Option<Fallback>,
}

impl AppState {
    /// With these.
    #[must_use]
    pub fn with_services(self, services: Services) -> Self {
        Self { services: services.into(), ..self }
    }

    pub(crate) fn webhooks(&self) -> Result<&Webhooks, ApiError> {
        self.services.webhooks.as_ref().ok_or_else(ApiError::not_found)
    }

    pub(crate) fn fetcher(&self) -> Result<&OutboundClient, ApiError> {
        let off = || ApiError::invalid("url", "url_not_allowed", "this server fetches no pictures: send the file itself");
        self.services.fetcher.as_ref().ok_or_else(off)
    }

    pub(crate) fn payments(&self) -> Result<&Payments, ApiError> {
        self.services.payments.as_ref().ok_or_else(ApiError::not_found)
    }

    pub(crate) fn fallback(&self) -> Result<&Fallback, ApiError> {
        self.services.fallback.as_ref().ok_or_else(ApiError::not_found)
    }

    pub(crate) fn sign_in(&self) -> Result<&SignIn, ApiError> {
        self.services.sign_in.as_ref().ok_or_else(ApiError::not_found)
    }
}
