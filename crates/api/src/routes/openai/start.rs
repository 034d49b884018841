//! What edits and variations have in common: pictures come with the request, and it starts from one.

use axum::{body::Body, extract::Request, response::Response};

use super::draw::{draw, missing};
use crate::{
    ApiError, AppState,
    auth::Caller,
    compat::openai::{
        form::Form,
        request::{ImageRequest, Purpose},
    },
    generation::BaseUrl,
    sent::repainted,
};

pub(super) async fn start(
    state: AppState,
    caller: &Caller,
    request: Request<Body>,
    purpose: Purpose,
) -> Result<Response, ApiError> {
    let base = BaseUrl::of(&state, request.uri(), request.headers());
    let request = {
        // What is sent lies in memory until it is read.
        let _place = state.uploads.try_acquire().map_err(|_| ApiError::busy())?;
        let mut form = Form::read(request, &state).await?;
        let missing = missing(&state, caller, &form.fields).await;
        // What is wrong with the fields is told before anything is done with the picture.
        let request = ImageRequest::read_for(std::mem::take(&mut form.fields), purpose, &state.engine, missing)?;
        let image = form.image()?.read(&state, &caller.user.id, "image").await?;
        let mask = match form.mask.filter(|_| purpose == Purpose::Edit) {
            Some(mask) => Some(mask.read(&state, &caller.user.id, "mask").await?),
            None => None,
        };
        let mask = if purpose == Purpose::Edit { repainted(&image, mask.as_ref())? } else { None };
        request.starting_from(image.rgb, mask)
    };
    draw(state, caller, base, request).await
}
