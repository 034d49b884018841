//! `/api/v1/shares` and what a link shows.

use axum::http::Method;
use serde_json::json;

use super::support::{peopled, person};

#[tokio::test]
async fn a_link_shows_one_picture_to_anybody() {
    let server = peopled().await;
    let (ada, eve) = (person(&server, "ada").await, person(&server, "eve").await);
    let picture = server.pictures(&ada, "a secret cat", 1).await.remove(0);
    let path = format!("/images/{picture}/share");
    assert_eq!(server.refused(Some(&eve), Method::POST, &path, Some(json!({}))).await.0, 404);
    let made = server.ask(Some(&ada), Method::POST, &path, Some(json!({ "expires_in_s": 3600 }))).await;
    assert_eq!(made.status, 201);
    let (id, token) = (made.json()["id"].clone(), made.json()["token"].as_str().expect("a token").to_owned());
    let shown = server.see(None, &format!("/shared/{token}")).await;
    assert_eq!((&shown["id"], &shown["prompt"]), (&json!(picture), &json!(null)));
    let listed = server.see(Some(&ada), &format!("/shares?image_id={picture}")).await;
    assert!(listed[0]["id"] == id && listed[0].get("token").is_none() && listed[0]["expires_at"].is_string(), "{listed}");
    assert_eq!(server.see(Some(&eve), "/shares").await, json!([]));
    let one = format!("/shares/{}", id.as_str().expect("an id"));
    assert_eq!(server.refused(Some(&eve), Method::DELETE, &one, None).await.0, 404);
    server.change(&ada, Method::DELETE, &one, None).await;
    for path in [format!("/shared/{token}"), "/shared/is_x".to_owned(), format!("/shared/{}", id.as_str().expect("an id"))] {
        assert_eq!(server.refused(None, Method::GET, &path, None).await, (404, "not_found".to_owned()), "{path}");
    }
    assert_eq!(server.refused(Some(&ada), Method::POST, &path, Some(json!({ "expires_in_s": 0 }))).await.0, 400);
}
