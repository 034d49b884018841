//! How rows of the platform are shown: one file for each thing, and the words they share.

mod identity;
mod session;
mod time;
mod user;
mod webhook;

pub(crate) use identity::IdentityView;
pub(crate) use session::SessionRow;
pub(crate) use time::shown_time;
pub(crate) use user::UserView;
pub(crate) use webhook::{DeliveryView, WebhookSecretView, WebhookView};
