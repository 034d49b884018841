//! How rows of the platform are shown: one file for each thing, and the words they share.

mod credits;
mod cursor;
mod image;
mod job;
mod key;
mod page;
mod session;
mod time;
mod user;

pub(crate) use credits::{BalanceView, CreditAmount, TransferView};
pub(crate) use cursor::{Cursor, page_size};
pub(crate) use image::{ImageView, UploadView};
pub(crate) use job::JobView;
pub(crate) use key::KeyView;
pub(crate) use page::PageView;
pub(crate) use session::SessionRow;
pub(crate) use time::{read_day, read_time, shown_day, shown_time};
pub(crate) use user::UserView;
