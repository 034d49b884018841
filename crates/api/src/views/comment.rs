//! A comment, as everybody sees it.

use easel_platform::records::Comment;
use serde::Serialize;
use utoipa::ToSchema;

use super::shown_time;

/// A comment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommentView {
    /// Its id.
    id: String,
    /// The picture it is about.
    image_id: String,
    /// Who said it.
    user_id: String,
    /// What they are called.
    username: String,
    /// What they said.
    body: String,
    /// When.
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<Comment> for CommentView {
    fn from(comment: Comment) -> Self {
        let Comment { id, image_id, user_id, username, body, created_at, .. } = comment;
        Self { id, image_id, user_id, username, body, created_at: shown_time(created_at) }
    }
}
