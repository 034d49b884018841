//! How rows of the platform are shown: one file for each thing, and the words they share.

mod album;
mod case;
mod comment;
mod image;
mod page;
mod people;
mod public_image;
mod session;
mod share;
mod subscription;
mod time;
mod user;

pub(crate) use album::{AlbumView, TagView, TemplateView};
pub(crate) use case::{CaseDetailView, CaseView, CategoryField, FoundView, OwnCaseView, ReportBody};
pub(crate) use comment::CommentView;
pub(crate) use image::ImageView;
pub(crate) use page::{PageView, page_size};
pub(crate) use people::{FollowView, ProfileView};
pub(crate) use public_image::PublicImageView;
pub(crate) use session::SessionRow;
pub(crate) use share::ShareView;
pub(crate) use subscription::SubscriptionView;
pub(crate) use time::{read_time, shown_time};
pub(crate) use user::UserView;
