//! `/api/v1/albums`.

use axum::http::Method;
use serde_json::json;

use super::support::{ids, peopled, person};

#[tokio::test]
async fn an_album_is_made_filled_ordered_and_removed() {
    let server = peopled().await;
    let (ada, eve) = (person(&server, "ada").await, person(&server, "eve").await);
    let pictures = server.pictures(&ada, "a cat", 3).await;
    let mut albums = Vec::new();
    for title in ["one", "two"] {
        let made = server.ask(Some(&ada), Method::POST, "/albums", Some(json!({ "title": title }))).await;
        assert_eq!(made.status, 201);
        albums.push(made.json()["id"].as_str().expect("an id").to_owned());
    }
    let album = format!("/albums/{}", albums[0]);
    for id in &pictures {
        server.change(&ada, Method::PUT, &format!("{album}/images/{id}"), None).await;
    }
    server.change(&ada, Method::PUT, &format!("{album}/order"), Some(json!({ "first": [pictures[2]] }))).await;
    let order = [pictures[2].clone(), pictures[0].clone(), pictures[1].clone()];
    assert_eq!(ids(&server.see(Some(&ada), &format!("{album}/images")).await), order);
    server.change(&ada, Method::DELETE, &format!("{album}/images/{}", pictures[0]), None).await;
    let body = json!({ "title": "eins", "cover_image_id": pictures[1] });
    let changed = server.ask(Some(&ada), Method::PATCH, &album, Some(body)).await.json();
    assert_eq!((&changed["title"], &changed["cover_image_id"]), (&json!("eins"), &json!(pictures[1])));
    assert_eq!(server.see(Some(&ada), &album).await["title"], json!("eins"));
    server.change(&ada, Method::PUT, "/albums/order", Some(json!({ "first": [albums[1]] }))).await;
    let listed = server.see(Some(&ada), "/albums").await;
    assert_eq!((&listed[0]["title"], &listed[1]["image_count"]), (&json!("two"), &json!(2)));
    let images = format!("{album}/images");
    for (method, path, body) in [
        (Method::GET, &album, None),
        (Method::GET, &images, None),
        (Method::PATCH, &album, Some(json!({ "title": "mine" }))),
        (Method::DELETE, &album, None),
    ] {
        assert_eq!(server.refused(Some(&eve), method, path, body).await, (404, "not_found".to_owned()));
    }
    assert_eq!(server.refused(Some(&ada), Method::POST, "/albums", Some(json!({ "title": "" }))).await.0, 400);
    server.change(&ada, Method::DELETE, &album, None).await;
    assert_eq!(ids(&server.see(Some(&ada), "/images").await).len(), 3);
}
