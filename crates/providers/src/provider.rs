//! What every provider can be asked for, whatever it speaks.

use std::pin::Pin;

use easel_outbound::FetchedImage;

use crate::{
    Attempt, Cancelled, Capabilities, Delivery, Fitted, Kind, Order, Output, Polled, ProviderError, ProviderId, Quote, Recovery,
    Submitted, TaskHandle, Unfit,
};

/// An answer that is waited for.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = Result<T, ProviderError>> + Send + 'a>>;

/// An account with an image service.
///
/// `submit` may cost money and is sent once for each attempt; everything else may be repeated at will.
pub trait ImageProvider: Send + Sync {
    /// The account.
    fn id(&self) -> &ProviderId;

    /// The protocol.
    fn kind(&self) -> Kind;

    /// What a model can do; `None` if this account is not to be asked for it.
    fn capabilities(&self, model: &str) -> Option<&Capabilities>;

    /// What an order costs, before anything is sent.
    fn quote(&self, order: &Order) -> Result<Quote, Unfit> {
        self.capabilities(&order.model).ok_or(Unfit::Price)?.fit(order).map(|fitted| fitted.quote)
    }

    /// What a submission is worth whose answer was lost.
    fn recovery(&self) -> Recovery;

    /// Hands work in. Sends one request, and never again by itself.
    fn submit<'a>(&'a self, order: &'a Fitted, attempt: &'a Attempt) -> Answering<'a, Submitted>;

    /// Asks about work, whoever handed it in.
    fn poll<'a>(&'a self, task: &'a TaskHandle) -> Answering<'a, Polled>;

    /// Tries to stop work.
    fn cancel<'a>(&'a self, task: &'a TaskHandle) -> Answering<'a, Cancelled>;

    /// Asks for something that costs nothing, to see whether the key is taken.
    fn probe(&self) -> Answering<'_, ()>;

    /// The file of a picture.
    fn fetch<'a>(&'a self, output: &'a Output) -> Answering<'a, FetchedImage>;

    /// The files of all of a delivery's pictures.
    fn fetch_all<'a>(&'a self, delivery: &'a Delivery) -> Answering<'a, Vec<FetchedImage>> {
        Box::pin(async move {
            let mut pictures = Vec::new();
            for output in &delivery.outputs {
                pictures.push(self.fetch(output).await?);
            }
            Ok(pictures)
        })
    }
}
