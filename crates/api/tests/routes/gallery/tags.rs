//! `/api/v1/tags`.

use axum::http::Method;
use serde_json::json;

use super::support::{peopled, person};

#[tokio::test]
async fn tags_are_counted() {
    let server = peopled().await;
    let ada = person(&server, "ada").await;
    let pictures = server.pictures(&ada, "a cat", 2).await;
    for (id, tags) in pictures.iter().zip([json!(["red", "cat"]), json!(["cat"])]) {
        server.ask(Some(&ada), Method::PATCH, &format!("/images/{id}"), Some(json!({ "tags": tags }))).await;
    }
    let expected = json!([{ "tag": "cat", "image_count": 2 }, { "tag": "red", "image_count": 1 }]);
    assert_eq!(server.see(Some(&ada), "/tags").await, expected);
    let many: Vec<String> = (0..21).map(|number| format!("tag{number}")).collect();
    let path = format!("/images/{}", pictures[0]);
    assert_eq!(server.refused(Some(&ada), Method::PATCH, &path, Some(json!({ "tags": many }))).await.0, 400);
}
