//! The rules of the platform: who may do what, what it costs, what happens to a job, what is forgotten. No HTTP and no SQL.
//!
//! Each service is a small struct over a [`Context`] (database, clock, names, secrets) and its settings; the server makes them once and
//! clones them freely. Everything that must be true together is one transaction. Clock and randomness come with the context, so that tests
//! move the time and get the same names again.
//!
//! | service | rules |
//! |---|---|
//! | [`plans`] | what a plan includes |
//! | [`credits`] | what a picture costs; grants, corrections, expiry |
//! | [`jobs`] | submitting, claiming, finishing, failing, cancelling, putting back |
//! | [`bus`] | telling what happens to jobs, as it happens, on every node |
//! | [`orders`] | what a job is to do, as its row keeps it |
//! | [`prompts`] | what helps to write a prompt: styles, enhancement, suggestions, one's earlier ones |
//! | [`worker`] | doing it |
//! | [`fallback`] | having it done by somebody else, where this host cannot |
//! | [`images`] | somebody's own pictures, drawn and sent |
//! | [`accounts`] | registering, logging in, sessions, mail tokens, roles, API keys |
//! | [`mail`] | sending what the others have written |
//! | [`events`] | sending on what happened |
//! | [`webhooks`] | telling users' own servers of it, signed |
//! | [`sign_in`] | logging in at somebody else's |
//! | [`limits`] | how many requests somebody may make |
//! | [`keyring`] | how secrets are kept |
//! | [`secrets`] | the server's own |
//! | [`gallery`] | one's own pictures: finding, ordering, showing, throwing away |
//! | [`social`] | everybody's: public lists, likes, comments, follows, links, profiles |
//! | [`moderation`] | reports, decisions, objections |
//! | [`organizations`] | groups of people who see one another and nobody else |
//! | [`safety`] | texts that are not taken |
//! | [`run_time`] | settings that are changed while the server runs |
//! | [`payments`] | what is ordered, and what follows from paying |
//! | [`subscriptions`] | what is paid for, and which plan that is |
//! | [`overview`] | everybody's jobs, the record and sums, for administrators |
//! | [`privacy`] | a person's data, all of it or none of it |
//! | [`fsck`] | the check that the books are right |
//! | [`backup`] | copies and dumps |
//! | [`housekeeping`] | what has to be done now and then |
//!
//! [`Platform`] has them all; [`records`] are the rows they speak of.

mod context;
mod error;
mod paging;
mod services;
mod texts;

pub mod accounts;
pub mod backup;
pub mod bus;
pub mod credits;
pub mod events;
pub mod fallback;
pub mod fsck;
pub mod gallery;
pub mod housekeeping;
pub mod images;
pub mod jobs;
pub mod keyring;
pub mod limits;
pub mod mail;
pub mod moderation;
pub mod nodes;
pub mod orders;
pub mod organizations;
pub mod overview;
pub mod payments;
pub mod plans;
pub mod privacy;
pub mod prompts;
pub mod records;
pub mod run_time;
pub mod safety;
pub mod secrets;
mod setup;
pub mod sign_in;
pub mod social;
pub mod subscriptions;
pub mod webhooks;
pub mod worker;

pub use context::{Clock, Context, DatabaseClock, ManualClock, Secrets, SeededSecrets, SystemClock, SystemSecrets};
pub use easel_outbound::{Client as OutboundClient, OutboundError};
pub use error::PlatformError;
pub use paging::{PAGE_MAX, Page};
pub use services::{Platform, PlatformSettings};
