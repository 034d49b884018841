//! `/api/v1/users/{username}`, the feed, and what one has.

use axum::http::Method;
use serde_json::json;

use super::support::{ids, peopled, person};

#[tokio::test]
async fn people_follow_and_are_seen() {
    let server = peopled().await;
    let (ada, eve) = (person(&server, "ada").await, person(&server, "eve").await);
    let pictures = server.pictures(&ada, "a cat", 2).await;
    server.change(&ada, Method::POST, &format!("/images/{}/public", pictures[0]), None).await;
    server.change(&ada, Method::PUT, "/users/me/bio", Some(json!({ "bio": "cats" }))).await;
    server.change(&eve, Method::PUT, "/users/ada/follow", None).await;
    assert_eq!(ids(&server.see(Some(&eve), "/feed").await), [pictures[0].clone()]);
    let page = server.see(Some(&eve), "/users/ada").await;
    assert_eq!(
        (&page["bio"], &page["follower_count"], &page["is_followed"], &page["image_count"]),
        (&json!("cats"), &json!(1), &json!(true), &json!(1))
    );
    let keys: Vec<&String> = page.as_object().expect("an object").keys().collect();
    assert!(!keys.iter().any(|key| key.contains("email") || key.contains("role") || key.contains("plan")), "{keys:?}");
    assert_eq!(server.see(None, "/users/ada").await["is_followed"], json!(false));
    assert_eq!(server.see(Some(&eve), "/users/me/following").await["data"][0]["username"], json!("ada"));
    assert_eq!(server.see(Some(&ada), "/users/me/followers").await["data"][0]["username"], json!("eve"));
    server.change(&eve, Method::POST, "/users/ada/report", Some(json!({ "category": "spam", "note": "too many cats" }))).await;
    assert_eq!(server.refused(Some(&eve), Method::POST, "/users/ada/report", Some(json!({ "category": "cats" }))).await.0, 400);
    server.change(&eve, Method::DELETE, "/users/ada/follow", None).await;
    assert_eq!(ids(&server.see(Some(&eve), "/feed").await).len(), 0);
    assert_eq!(server.refused(Some(&eve), Method::PUT, "/users/eve/follow", None).await.0, 400);
    assert_eq!(server.refused(None, Method::GET, "/users/nobody", None).await, (404, "not_found".to_owned()));
    let storage = server.see(Some(&ada), "/users/me/storage").await;
    assert_eq!((&storage["images"], &storage["bytes"], &storage["plan"]), (&json!(2), &json!(2000), &json!("free")));
}
