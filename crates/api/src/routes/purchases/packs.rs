//! `GET /api/v1/credits/packs`: credits that are bought once, for everybody to see; none where nothing is sold.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{AppState, views::CreditAmount};

/// Credits that are bought once.
#[derive(Serialize, ToSchema)]
pub(crate) struct PackView {
    /// How it is ordered.
    #[schema(example = "credits-100")]
    id: String,
    /// How it is called.
    title: String,
    /// How many.
    credits: CreditAmount,
    /// Its price in the currency's hundredths.
    price_cents: i64,
    /// Three small letters.
    #[schema(example = "usd")]
    currency: String,
}

/// What is sold.
#[derive(Serialize, ToSchema)]
pub(crate) struct PacksView {
    /// The packs.
    data: Vec<PackView>,
}

/// Credits that are bought once.
#[utoipa::path(
    get, path = "/api/v1/credits/packs", operation_id = "list_packs", tag = "credits",
    responses((status = 200, description = "The packs; none where nothing is sold", body = PacksView))
)]
pub(crate) async fn handler(State(state): State<AppState>) -> Json<PacksView> {
    let catalogue = &state.platform.catalogue;
    let sold = catalogue.packs().filter(|_| state.services.payments.is_some());
    let data = sold.filter_map(|(pack, price_cents)| {
        Some(PackView {
            id: pack.name.clone(),
            title: pack.title.clone(),
            credits: easel_platform::records::Credits::whole(pack.credits)?.into(),
            price_cents,
            currency: catalogue.currency().to_owned(),
        })
    });
    Json(PacksView { data: data.collect() })
}
