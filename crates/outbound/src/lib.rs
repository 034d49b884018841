//! The one HTTP client for addresses that somebody else names: pictures by URL, webhooks, providers, OpenID discovery.
//!
//! Such an address must not lead to where only this server can go: its own ports, the network behind it, a cloud's metadata. So an address
//! is parsed once and judged as parsed (`target.rs`); its host is resolved here, every answer is judged (`address.rs`), and the connection
//! goes to one of exactly these answers (`resolve.rs`), so that a name that changes its mind in between changes nothing; each redirect is
//! judged like the first address (`client.rs`). No proxy, no cookies, no decompression, limits on bytes and time.
//!
//! A request may be held to less than the policy allows (`reach.rs`): what a provider's answer names is not reached by leave that the operator
//! gave for something else.
//!
//! What an operator allows by name or network is allowed (`policy.rs`). Users learn that an address is not allowed, and not why: reasons
//! are for the audit log. A firewall around the server is the second wall; this is the first.

mod address;
mod client;
mod error;
mod form;
mod image;
mod policy;
mod reach;
mod resolve;
mod target;

pub use address::is_public;
pub use client::{Client, Request, Response};
pub use easel_imaging::Format;
pub use error::{OutboundError, Reason};
pub use form::Form;
pub use image::FetchedImage;
pub use policy::{HostPattern, InternalHost, Limits, Policy};
pub use reach::Reach;
pub use reqwest::{Method, StatusCode, header};
pub use resolve::{Resolver, SystemResolver};
pub use url::Url;
