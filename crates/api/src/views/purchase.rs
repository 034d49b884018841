//! What somebody has ordered.

use easel_platform::{payments::Started, records::Purchase};
use serde::Serialize;
use utoipa::ToSchema;

use super::{CreditAmount, shown_time};

/// An order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PurchaseView {
    /// Its id.
    id: String,
    /// Whose.
    user_id: String,
    /// `pack` or `plan`.
    kind: String,
    /// The pack's or the plan's name.
    product: String,
    /// `month` or `year`, of plans.
    interval: Option<String>,
    /// What a pack gives.
    credits: CreditAmount,
    /// Its price in the currency's hundredths.
    amount_cents: i64,
    /// Three small letters.
    currency: String,
    /// Who takes the money: `manual`, `external`, `stripe` or `creem`.
    provider: String,
    /// `pending`, `paid`, `cancelled` or `refunded`.
    state: String,
    /// When it was ordered.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was paid.
    #[schema(format = DateTime)]
    paid_at: Option<String>,
    /// It was paid for a subscription that is over, and gave nothing: the operator pays it back.
    gave_nothing: bool,
}

impl From<Purchase> for PurchaseView {
    fn from(purchase: Purchase) -> Self {
        Self {
            id: purchase.id,
            user_id: purchase.user_id,
            kind: purchase.kind,
            product: purchase.product,
            interval: purchase.paid_for,
            credits: purchase.credits.into(),
            amount_cents: purchase.amount_cents,
            currency: purchase.currency,
            provider: purchase.provider,
            state: purchase.state,
            created_at: shown_time(purchase.created_at),
            paid_at: purchase.paid_at.map(shown_time),
            gave_nothing: purchase.gave_nothing,
        }
    }
}

/// An order, and where it is paid.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderedView {
    /// The order.
    purchase: PurchaseView,
    /// Where to send the browser.
    url: String,
}

impl From<Started> for OrderedView {
    fn from(started: Started) -> Self {
        Self { purchase: started.purchase.into(), url: started.url }
    }
}
