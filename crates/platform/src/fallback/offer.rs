//! What is settled when a job is taken: from when it may be sent elsewhere, and what it may cost there at most.

use std::sync::Arc;

use easel_providers::{Candidate, Change, Micros, Order as Elsewhere, Owner, names_loras};
use easel_store::Timestamp;
use easel_types::{GenerationRequest, Gray8, Rgb8};

use super::{Away, Fallback, accounts::Everybody};
use crate::{
    PlatformError,
    orders::{Drawing, Order, Pictures, Work},
};

/// Pixels of a side where neither the job nor a model here says.
const SIDE: u32 = 1024;

/// What is settled when a job is taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// From then on it may be sent elsewhere.
    pub leaves_at: Timestamp,
    /// What its row says of that.
    pub away: Away,
}

/// Who would serve a drawing if this host did not.
#[derive(Debug, Clone, PartialEq)]
pub struct Quoted {
    /// The account.
    pub provider: String,
    /// What people call it.
    pub title: String,
    /// The model there.
    pub model: String,
    /// Where its answers are made.
    pub region: Option<String>,
    /// It is an account of whoever asks: nothing is charged here.
    pub own: bool,
    /// What would be otherwise than asked for.
    pub changes: Vec<Change>,
}

impl Fallback {
    /// Whether somebody else would draw with this model for this user, were it not here.
    pub async fn serves(&self, user_id: &str, model: &str) -> Result<bool, PlatformError> {
        let drawing = Drawing::new(model, "a picture");
        Ok(!self.quotes(user_id, &drawing).await?.is_empty())
    }

    /// Who would serve a drawing, in the order in which they are asked. Empty if its owner does not allow it.
    pub async fn quotes(&self, user_id: &str, drawing: &Drawing) -> Result<Vec<Quoted>, PlatformError> {
        let Some((everybody, candidates)) = self.candidates_for(user_id, drawing).await? else { return Ok(Vec::new()) };
        let quoted = |candidate: Candidate| {
            let served_by = everybody.served_by(&candidate.provider, &candidate.model)?;
            let order = Elsewhere { model: candidate.model.clone(), ..outline(drawing)? };
            let (_, registered) = everybody.find(&candidate.provider)?;
            let ability = registered.provider.capabilities(&candidate.model)?;
            let one = Elsewhere { num_images: order.num_images.min(ability.pictures_max), ..order };
            Some(Quoted {
                provider: served_by.provider,
                title: served_by.title,
                model: candidate.model,
                region: candidate.region,
                own: served_by.own,
                changes: ability.fit(&one).ok()?.changes,
            })
        };
        Ok(candidates.into_iter().filter_map(quoted).collect())
    }

    /// What is settled for an order; `None` if it stays here whatever comes. `here`: this server has the model.
    pub async fn offer(&self, user_id: &str, order: &Order, here: bool) -> Result<Option<Offer>, PlatformError> {
        let Work::Draw(drawing) = &order.work else { return Ok(None) };
        let Some(outwards) = outline(drawing) else { return Ok(None) };
        self.offer_as(user_id, drawing, &outwards, here).await
    }

    /// The same, for an order as others take it.
    pub(super) async fn offer_as(
        &self,
        user_id: &str,
        drawing: &Drawing,
        outwards: &Elsewhere,
        here: bool,
    ) -> Result<Option<Offer>, PlatformError> {
        let Some((_, candidates)) = self.candidates_as(user_id, drawing, outwards).await? else { return Ok(None) };
        let paid = candidates.iter().filter(|candidate| candidate.owner == Owner::Operator);
        let costs = paid.filter_map(|candidate| candidate.quote.as_ref().ok().map(|quote| quote.total));
        let cost_max = costs.max().unwrap_or(Micros::ZERO);
        if candidates.is_empty() {
            return Ok(None);
        }
        let now = self.context.now();
        let leaves_at = if here { now.after(self.settings.rules.max_wait) } else { now };
        Ok(Some(Offer { leaves_at, away: Away { cost_max, ..Away::default() } }))
    }

    /// Those who can serve it at all and may; `None` if nobody is to be asked.
    async fn candidates_for(
        &self,
        user_id: &str,
        drawing: &Drawing,
    ) -> Result<Option<(Everybody, Vec<Candidate>)>, PlatformError> {
        let Some(order) = outline(drawing) else { return Ok(None) };
        self.candidates_as(user_id, drawing, &order).await
    }

    async fn candidates_as(
        &self,
        user_id: &str,
        drawing: &Drawing,
        order: &Elsewhere,
    ) -> Result<Option<(Everybody, Vec<Candidate>)>, PlatformError> {
        if !self.is_on() || !can_leave(drawing) {
            return Ok(None);
        }
        let tenant = self.tenant(user_id).await?;
        if !tenant.allow_external {
            return Ok(None);
        }
        let everybody = self.everybody(user_id).await?;
        let named = |candidate: &Candidate| tenant.providers.is_empty() || tenant.providers.contains(&candidate.provider);
        let near = |candidate: &Candidate| {
            let region = candidate.region.as_ref();
            tenant.regions.is_empty() || region.is_some_and(|region| tenant.regions.contains(region))
        };
        let mut candidates = everybody.candidates(order, &drawing.model);
        candidates.retain(|candidate| named(candidate) && near(candidate) && candidate.quote.is_ok());
        Ok(Some((everybody, candidates)))
    }
}

/// What its owner keeps here stays here. LoRAs and ControlNets are this host's: a picture without them would be another one, which only its
/// owner can say will do.
pub(super) fn can_leave(drawing: &Drawing) -> bool {
    let ours = !drawing.loras.is_empty() || !drawing.controls.is_empty() || names_loras(&drawing.prompt);
    !drawing.stays_here && (!ours || drawing.allow_drops)
}

/// The size that is drawn where no model here says.
pub(crate) fn size_of(drawing: &Drawing) -> (u32, u32) {
    (drawing.width.unwrap_or(SIDE), drawing.height.unwrap_or(SIDE))
}

/// The order as others take it, with blank pictures in the place of those it starts from.
fn outline(drawing: &Drawing) -> Option<Elsewhere> {
    let start = drawing.start.as_ref().and_then(|_| Rgb8::new(1, 1, vec![0; Rgb8::CHANNELS]).ok());
    let mask = drawing.mask.as_ref().and_then(|_| Gray8::new(1, 1, vec![0]).ok());
    if drawing.start.is_some() != start.is_some() || drawing.mask.is_some() != mask.is_some() {
        return None;
    }
    let seen = Arc::new(Rgb8::new(1, 1, vec![0; Rgb8::CHANNELS]).ok()?);
    let controls = vec![seen; drawing.controls.len()];
    let request = drawing.request(Pictures { start, mask, controls }, 1);
    let request = GenerationRequest { seed: drawing.seed, ..request };
    Some(Elsewhere::from_request(&request, drawing.model.clone(), size_of(drawing)))
}
