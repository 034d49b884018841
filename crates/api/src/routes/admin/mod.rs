//! `/api/v1/admin`: for whoever administers the server. Nobody acts on somebody of their own rank or above.

pub(crate) mod change_user;
pub(crate) mod close_provider;
pub(crate) mod config;
pub(crate) mod create_organization;
pub(crate) mod credits;
pub(crate) mod get_limits;
pub(crate) mod get_user;
pub(crate) mod list_audit;
pub(crate) mod list_devices;
pub(crate) mod list_jobs;
pub(crate) mod list_models;
pub(crate) mod list_nodes;
pub(crate) mod list_organizations;
pub(crate) mod list_providers;
pub(crate) mod list_settings;
pub(crate) mod list_users;
pub(crate) mod load_model;
pub(crate) mod open_provider;
pub(crate) mod set_limits;
pub(crate) mod set_organization;
pub(crate) mod set_setting;
pub(crate) mod stats;
pub(crate) mod unload_model;
