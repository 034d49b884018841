//! `/api/v1/images`.

use axum::http::Method;
use serde_json::json;

use super::support::{ids, peopled, person};

#[tokio::test]
async fn ones_own_are_listed_changed_and_thrown_away() {
    let server = peopled().await;
    let (ada, eve) = (person(&server, "ada").await, person(&server, "eve").await);
    let pictures = server.pictures(&ada, "a red cat", 3).await;
    let first = server.see(Some(&ada), "/images?limit=2&q=RED%20cat&sampler=euler").await;
    assert_eq!(ids(&first), [pictures[2].clone(), pictures[1].clone()]);
    let next = first["next"].as_str().expect("more");
    let second = server.see(Some(&ada), &format!("/images?limit=2&q=RED%20cat&sampler=euler&cursor={next}")).await;
    assert_eq!((ids(&second), second["next"].is_null()), (vec![pictures[0].clone()], true));
    assert_eq!(ids(&server.see(Some(&eve), "/images").await).len(), 0);

    let one = format!("/images/{}", pictures[0]);
    let body = json!({ "title": "Tom", "tags": ["Cats"], "is_favourite": true, "is_public": true, "shows_prompt": true });
    let changed = server.ask(Some(&ada), Method::PATCH, &one, Some(body)).await.json();
    assert_eq!((&changed["title"], &changed["tags"], &changed["is_favourite"]), (&json!("Tom"), &json!(["cats"]), &json!(true)));
    assert_eq!((&changed["is_public"], &changed["shows_prompt"]), (&json!(true), &json!(true)));
    assert_eq!(
        ids(&server.see(Some(&ada), "/images?favourite=true&public=true&tag=cats&model=toy").await),
        [pictures[0].clone()]
    );
    for (query, code) in [
        ("limit=0", "out_of_range"),
        ("limit=101", "out_of_range"),
        ("cursor=x", "invalid_value"),
        ("since=yesterday", "invalid_value"),
        ("favourite=maybe", "invalid_query"),
        ("colour=red", "invalid_query"),
    ] {
        assert_eq!(
            server.refused(Some(&ada), Method::GET, &format!("/images?{query}"), None).await,
            (400, code.to_owned()),
            "{query}"
        );
    }
    assert_eq!(
        ids(&server.see(Some(&ada), "/images?since=2020-01-01T00:00:00Z&until=2100-01-01T00:00:00%2B01:00").await).len(),
        3
    );

    for (method, body) in [(Method::GET, None), (Method::PATCH, Some(json!({ "title": "mine" }))), (Method::DELETE, None)] {
        let refused = server.refused(Some(&eve), method.clone(), &one, body.clone()).await;
        assert_eq!(refused, (404, "not_found".to_owned()), "{method}");
        assert_eq!(server.refused(None, method, &one, body).await.0, 401);
    }
    assert_eq!(server.refused(Some(&ada), Method::GET, "/images/%00", None).await.0, 404);
    server.change(&ada, Method::DELETE, &one, None).await;
    assert_eq!(server.refused(Some(&ada), Method::GET, &one, None).await.0, 404);
    let trash = server.see(Some(&ada), "/images?trashed=true").await;
    assert!(ids(&trash) == [pictures[0].clone()] && trash["data"][0]["purge_at"].is_string());
    server.change(&ada, Method::POST, &format!("{one}/restore"), None).await;
    server.change(&ada, Method::DELETE, &format!("{one}?permanently=true"), None).await;
    assert_eq!(server.refused(Some(&ada), Method::POST, &format!("{one}/restore"), None).await.0, 404);
}

#[tokio::test]
async fn many_are_changed_at_once() {
    let server = peopled().await;
    let ada = person(&server, "ada").await;
    let pictures = server.pictures(&ada, "a cat", 2).await;
    let bulk = |action: serde_json::Value| json!({ "ids": [pictures[0], "nothing", pictures[1]], "action": action });
    for action in [
        json!({ "kind": "favourite", "value": true }),
        json!({ "kind": "tag", "tags": ["a"] }),
        json!({ "kind": "untag", "tags": ["a"] }),
        json!({ "kind": "publish" }),
        json!({ "kind": "withdraw" }),
        json!({ "kind": "trash" }),
        json!({ "kind": "restore" }),
        json!({ "kind": "delete" }),
    ] {
        let answer = server.ask(Some(&ada), Method::POST, "/images/bulk", Some(bulk(action.clone()))).await;
        let results = answer.json()["results"].clone();
        let told: Vec<_> = results.as_array().expect("one for each").iter().map(|result| result["result"].clone()).collect();
        assert_eq!(told, ["done", "not_found", "done"], "{action}");
    }
    for (body, code) in [
        (json!({ "ids": [], "action": { "kind": "trash" } }), "invalid_value"),
        (json!({ "ids": ["x"], "action": { "kind": "burn" } }), "invalid_value"),
        (json!({ "ids": vec!["x"; 101], "action": { "kind": "trash" } }), "invalid_value"),
        (json!({ "ids": ["x"], "action": { "kind": "add_to_album", "album_id": "\u{0}" } }), "not_found"),
    ] {
        assert_eq!(server.refused(Some(&ada), Method::POST, "/images/bulk", Some(body.clone())).await.1, code, "{body}");
    }
}

#[tokio::test]
async fn everybody_sees_public_ones_without_what_is_their_owners() {
    let server = peopled().await;
    let (ada, eve) = (person(&server, "ada").await, person(&server, "eve").await);
    let pictures = server.pictures(&ada, "a red cat", 3).await;
    server.change(&ada, Method::POST, &format!("/images/{}/public", pictures[0]), None).await;
    server.change(&ada, Method::POST, &format!("/images/{}/public?shows_prompt=true", pictures[1]), None).await;
    let recent = server.see(None, "/images/public").await;
    assert_eq!(ids(&recent), [pictures[1].clone(), pictures[0].clone()]);
    assert_eq!((&recent["data"][0]["prompt"], &recent["data"][1]["prompt"]), (&json!("a red cat"), &json!(null)));
    assert!(!recent.to_string().contains("example.org") && !recent.to_string().contains("output/"));
    let like = format!("/images/{}/like", pictures[0]);
    assert_eq!(server.ask(Some(&eve), Method::PUT, &like, None).await.json(), json!({ "like_count": 1 }));
    assert_eq!(server.refused(None, Method::PUT, &like, None).await.0, 401);
    assert_eq!(ids(&server.see(None, "/images/public?sort=trending").await)[0], pictures[0]);
    assert_eq!(server.see(Some(&eve), "/images/public?sort=trending").await["data"][0]["is_liked"], json!(true));
    assert_eq!(ids(&server.see(Some(&eve), "/users/me/likes").await), [pictures[0].clone()]);
    assert_eq!(server.ask(Some(&eve), Method::DELETE, &like, None).await.json(), json!({ "like_count": 0 }));
    for query in ["user=ada", "model=toy", "sort=recent"] {
        assert_eq!(ids(&server.see(None, &format!("/images/public?{query}")).await).len(), 2, "{query}");
    }
    assert_eq!(ids(&server.see(None, "/images/public?q=cat").await), [pictures[1].clone()]);
    for query in ["user=ada&model=toy", "tag=x&sort=trending", "sort=best"] {
        assert_eq!(server.refused(None, Method::GET, &format!("/images/public?{query}"), None).await.0, 400, "{query}");
    }
    assert_eq!(server.see(None, &format!("/images/{}/public", pictures[1])).await["author"]["username"], json!("ada"));
    assert_eq!(server.refused(None, Method::GET, &format!("/images/{}/public", pictures[2]), None).await.0, 404);
    let template = server.see(None, &format!("/images/{}/template", pictures[1])).await;
    assert_eq!((&template["prompt"], &template["parameters"]["seed"]), (&json!("a red cat"), &json!(1)));
    assert_eq!(server.refused(Some(&eve), Method::GET, &format!("/images/{}/template", pictures[0]), None).await.0, 404);
    server.change(&ada, Method::DELETE, &format!("/images/{}/public", pictures[1]), None).await;
    assert_eq!(ids(&server.see(None, "/images/public").await), [pictures[0].clone()]);
}
