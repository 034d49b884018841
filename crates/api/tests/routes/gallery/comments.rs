//! `/api/v1/images/{id}/comments` and `/api/v1/comments`.

use axum::http::Method;
use serde_json::json;

use super::support::{ids, peopled, person};

#[tokio::test]
async fn comments_are_said_seen_and_removed() {
    let server = peopled().await;
    let (ada, eve, bob) = (person(&server, "ada").await, person(&server, "eve").await, person(&server, "bob").await);
    let picture = server.pictures(&ada, "a cat", 1).await.remove(0);
    let path = format!("/images/{picture}/comments");
    assert_eq!(server.refused(Some(&eve), Method::POST, &path, Some(json!({ "body": "nice" }))).await.0, 404, "not public");
    server.change(&ada, Method::POST, &format!("/images/{picture}/public"), None).await;
    let said = server.ask(Some(&eve), Method::POST, &path, Some(json!({ "body": " nice " }))).await;
    assert_eq!((said.status.as_u16(), &said.json()["body"], &said.json()["username"]), (201, &json!("nice"), &json!("eve")));
    let id = said.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(ids(&server.see(None, &path).await), std::slice::from_ref(&id));
    assert_eq!(server.refused(None, Method::POST, &path, Some(json!({ "body": "x" }))).await.0, 401);
    let blocked = server.refused(Some(&eve), Method::POST, &path, Some(json!({ "body": "heil hitler" }))).await;
    assert_eq!(blocked, (400, "content_blocked".to_owned()));
    let more = server.ask(Some(&eve), Method::POST, &path, Some(json!({ "body": "more" }))).await;
    assert_eq!(more.status, 201);
    server.change(&bob, Method::POST, &format!("/comments/{id}/report"), Some(json!({ "category": "harassment" }))).await;
    assert_eq!(server.refused(Some(&bob), Method::DELETE, &format!("/comments/{id}"), None).await.0, 403);
    server.change(&eve, Method::DELETE, &format!("/comments/{id}"), None).await;
    assert_eq!(server.refused(Some(&eve), Method::DELETE, &format!("/comments/{id}"), None).await.0, 404);
    assert_eq!(server.see(None, &format!("/images/{picture}/public")).await["comment_count"], json!(1));
}
