//! People, as others see them.

use easel_platform::{records::Followed, social::PublicProfile};
use serde::Serialize;
use utoipa::ToSchema;

use super::{avatar_url, shown_time};

/// Somebody's public page.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProfileView {
    /// Their id.
    id: String,
    /// What they are called.
    username: String,
    /// Their name.
    full_name: Option<String>,
    /// What they say of themselves.
    bio: Option<String>,
    /// They have a picture of themselves.
    has_avatar: bool,
    /// Where it is.
    avatar_url: Option<String>,
    /// How many follow them.
    follower_count: i64,
    /// How many they follow.
    following_count: i64,
    /// How many pictures they show.
    image_count: i64,
    /// Whether you follow them.
    is_followed: bool,
    /// When they came.
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<PublicProfile> for ProfileView {
    fn from(page: PublicProfile) -> Self {
        let PublicProfile { profile, image_count, is_followed } = page;
        Self {
            avatar_url: avatar_url(&profile.username, profile.avatar_key.as_deref()),
            id: profile.id,
            username: profile.username,
            full_name: profile.full_name,
            bio: profile.bio,
            has_avatar: profile.avatar_key.is_some(),
            follower_count: profile.follower_count,
            following_count: profile.following_count,
            image_count,
            is_followed,
            created_at: shown_time(profile.created_at),
        }
    }
}

/// Somebody who follows or is followed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FollowView {
    /// Their id.
    user_id: String,
    /// What they are called.
    username: String,
    /// Since when.
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<Followed> for FollowView {
    fn from(followed: Followed) -> Self {
        let Followed { user_id, username, created_at } = followed;
        Self { user_id, username, created_at: shown_time(created_at) }
    }
}
