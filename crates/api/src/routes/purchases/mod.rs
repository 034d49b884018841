//! What is bought: credits once, and plans; where it is paid, and what payment services tell.

pub(crate) mod admin_comparisons;
pub(crate) mod admin_list;
pub(crate) mod admin_paid;
pub(crate) mod admin_refund;
pub(crate) mod buy;
pub(crate) mod checkout;
pub(crate) mod list;
pub(crate) mod packs;
pub(crate) mod portal;
pub(crate) mod webhook;
