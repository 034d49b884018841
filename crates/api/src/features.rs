//! What an operator may switch off: whoever asks for it is answered as if it had never been there, and the application does not show it.

use std::str::FromStr;

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{ApiError, AppState};

/// Something that is offered, or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Making oneself an account.
    Registration,
    /// Showing pictures to everybody, and looking at others'.
    Gallery,
    /// Saying something about them.
    Comments,
    /// Buying credits and plans.
    Payments,
}

impl Feature {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Registration, Self::Gallery, Self::Comments, Self::Payments];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::Gallery => "gallery",
            Self::Comments => "comments",
            Self::Payments => "payments",
        }
    }

    /// The routes that are there for it alone, and all below them. What registers and what is paid for has switches of its own.
    fn routes(self) -> &'static [&'static str] {
        match self {
            Self::Gallery => &[
                "/api/v1/images/public",
                "/api/v1/images/{id}/public",
                "/api/v1/images/{id}/like",
                "/api/v1/images/{id}/report",
                "/api/v1/feed",
                "/api/v1/users/{username}",
                "/api/v1/users/me/likes",
                "/api/v1/users/me/followers",
                "/api/v1/users/me/following",
            ],
            Self::Comments => &["/api/v1/images/{id}/comments", "/api/v1/comments"],
            Self::Registration | Self::Payments => &[],
        }
    }

    fn has(self, path: &str) -> bool {
        self.routes().iter().any(|route| path.strip_prefix(route).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }
}

/// What is offered; everything, unless some of it is left out. Nobody comments where there is no gallery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features(Vec<Feature>);

impl Default for Features {
    fn default() -> Self {
        Self(Feature::ALL.to_vec())
    }
}

impl Features {
    /// Whether this is.
    pub fn has(&self, feature: Feature) -> bool {
        self.0.contains(&feature) && (feature != Feature::Comments || self.0.contains(&Feature::Gallery))
    }
}

impl FromStr for Features {
    type Err = String;

    /// Names with commas between them.
    fn from_str(text: &str) -> Result<Self, String> {
        let named = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let read = named.map(|name| {
            let known = Feature::ALL.into_iter().find(|known| known.name() == name);
            known.ok_or_else(|| format!("`{name}` is none of {}", Feature::ALL.map(Feature::name).join(", ")))
        });
        Ok(Self(read.collect::<Result<_, _>>()?))
    }
}

/// The layer of a server.
pub(crate) async fn offered(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str).unwrap_or_default();
    let off = Feature::ALL.into_iter().any(|feature| feature.has(route) && !state.config.features.has(feature));
    if off { ApiError::not_found().into_response() } else { next.run(request).await }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_off() {
        let some: Features = "gallery, comments".parse().unwrap();
        assert_eq!(Feature::ALL.map(|feature| some.has(feature)), [false, true, true, false]);
        let quiet: Features = "comments,payments".parse().unwrap();
        assert!(!quiet.has(Feature::Comments), "of what?");
        assert!("galery".parse::<Features>().is_err() && "".parse::<Features>().is_ok());
        assert!(Feature::Gallery.has("/api/v1/images/{id}/public/file") && !Feature::Gallery.has("/api/v1/images/{id}/file"));
        assert!(!Feature::Gallery.has("/api/v1/users/me") && Feature::Gallery.has("/api/v1/users/{username}/follow"));
    }
}
