//! The picture of somebody, as their identity provider has it. An account that was made by a login has it from the first; it follows the
//! provider's at each login until its owner chooses another here or removes it. An account that people made themselves is not given one.

use easel_oidc::Claims;
use easel_outbound::Client;
use easel_store::{identities::Identity, users::User};

use super::SignIn;
use crate::{
    PlatformError,
    images::{Elsewhere, Images},
};

/// Characters of an address.
const ADDRESS_MAX: usize = 2000;

/// Where pictures come from and go to.
#[derive(Debug, Clone)]
pub(super) struct Pictures {
    images: Images,
    client: Client,
}

/// A picture that is to be taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TheirPicture {
    user_id: String,
    identity_id: String,
    url: String,
    /// The file that came from there before.
    instead_of: Option<String>,
}

impl TheirPicture {
    /// What the provider says, if the one they have here is the provider's, or they have none and have never had another way in.
    pub(super) fn of(user: &User, identity: &Identity, claims: &Claims) -> Option<Self> {
        let url = claims.picture.as_ref().filter(|url| url.len() <= ADDRESS_MAX && !url.contains('\0'))?;
        let follows = identity.picture_key.is_some() || user.password_hash.is_none();
        (follows && user.avatar_key == identity.picture_key).then(|| Self {
            user_id: user.id.clone(),
            identity_id: identity.id.clone(),
            url: url.clone(),
            instead_of: identity.picture_key.clone(),
        })
    }
}

impl SignIn {
    /// With pictures, which this client fetches: their addresses are whatever people write at their providers.
    #[must_use]
    pub fn with_pictures(self, images: Images, client: Client) -> Self {
        Self { pictures: Some(Pictures { images, client }), ..self }
    }

    /// Takes somebody's picture over. It may take a while, and nobody's login waits for it.
    ///
    /// # Errors
    /// [`PlatformError::Outbound`] and [`PlatformError::Picture`] say why there is none; [`PlatformError::ContentBlocked`],
    /// [`PlatformError::LookUnavailable`].
    pub async fn take_over(&self, picture: &TheirPicture) -> Result<(), PlatformError> {
        let Some(Pictures { images, client }) = &self.pictures else { return Ok(()) };
        let TheirPicture { user_id, identity_id, url, instead_of } = picture;
        let bytes = images.fetch(client, url).await?;
        images.follow_avatar(Elsewhere { user_id, identity_id, url, instead_of: instead_of.as_deref() }, bytes).await
    }
}
