//! How rows of the platform are shown: one file for each thing, and the words they share.

mod album;
mod case;
mod comment;
mod credits;
mod cursor;
mod identity;
mod image;
mod job;
mod key;
mod page;
mod people;
mod public_image;
mod session;
mod share;
mod subscription;
mod time;
mod user;
mod webhook;

pub(crate) use album::{AlbumView, TagView, TemplateView};
pub(crate) use case::{CaseDetailView, CaseView, CategoryField, FoundView, OwnCaseView, ReportBody};
pub(crate) use comment::CommentView;
pub(crate) use credits::{BalanceView, CreditAmount, TransferView};
pub(crate) use cursor::{Cursor, page_size};
pub(crate) use identity::IdentityView;
pub(crate) use image::{ImageView, UploadView};
pub(crate) use job::JobView;
pub(crate) use key::KeyView;
pub(crate) use page::PageView;
pub(crate) use people::{FollowView, ProfileView};
pub(crate) use public_image::PublicImageView;
pub(crate) use session::SessionRow;
pub(crate) use share::ShareView;
pub(crate) use subscription::SubscriptionView;
pub(crate) use time::{read_day, read_time, shown_day, shown_time};
pub(crate) use user::UserView;
pub(crate) use webhook::{DeliveryView, WebhookSecretView, WebhookView};
