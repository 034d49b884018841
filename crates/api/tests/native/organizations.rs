//! On a server that divides people, what is of another organisation is not there.

use crate::common::native::{Native, Outcome, native, native_divided};
use axum::http::Method;
use easel_platform::records::Role;
use easel_testing::on_both_engines;
use serde_json::{Value, json};

/// A new organisation's id.
async fn organization(native: &Native, root: &str, slug: &str) -> Outcome<String> {
    let made = native.post("/api/v1/admin/organizations", root, json!({"slug": slug, "name": slug.to_uppercase()})).await;
    assert_eq!(made.status, 201, "{}", made.json());
    assert_eq!((&made.json()["slug"], &made.json()["name"]), (&json!(slug), &json!(slug.to_uppercase())));
    Ok(made.json()["id"].as_str().ok_or("an id")?.to_owned())
}

async fn put(native: &Native, token: &str, user_id: &str, body: Value) -> (u16, Value) {
    let answer = native.call(Method::PUT, &format!("/api/v1/admin/users/{user_id}/organization"), token, Some(body)).await;
    (answer.status.as_u16(), answer.json())
}

/// A picture that is shown with its prompt.
async fn shown(native: &Native, token: &str) -> Outcome<String> {
    let job = native.drawn(token, json!({"prompt": "a red circle"})).await;
    let image = job["images"][0]["id"].as_str().ok_or("an id")?.to_owned();
    let published = native.call(Method::POST, &format!("/api/v1/images/{image}/public?shows_prompt=true"), token, None).await;
    assert_eq!(published.status, 204);
    Ok(image)
}

/// What is done to a picture of ada's, and to her: what looks, which nobody needs an account for, and what does something.
fn looks(image: &str) -> Vec<String> {
    let of_image = ["public", "public/file", "public/thumbnail", "comments", "template"];
    let mut paths: Vec<String> = of_image.iter().map(|what| format!("/api/v1/images/{image}/{what}")).collect();
    paths.extend(["/api/v1/users/ada".to_owned(), "/api/v1/images/public?user=ada".to_owned()]);
    paths
}

fn acts(image: &str) -> Vec<(Method, String, Option<Value>)> {
    let of_image = |what: &str| format!("/api/v1/images/{image}/{what}");
    vec![
        (Method::PUT, of_image("like"), None),
        (Method::DELETE, of_image("like"), None),
        (Method::POST, of_image("comments"), Some(json!({"body": "nice"}))),
        (Method::POST, of_image("report"), Some(json!({"category": "spam"}))),
        (Method::PUT, "/api/v1/users/ada/follow".to_owned(), None),
        (Method::DELETE, "/api/v1/users/ada/follow".to_owned(), None),
        (Method::POST, "/api/v1/users/ada/report".to_owned(), Some(json!({"category": "spam"}))),
    ]
}

async fn listed(native: &Native, token: &str) -> usize {
    let page = native.get("/api/v1/images/public", token).await.json();
    page["data"].as_array().map_or(usize::MAX, Vec::len)
}

on_both_engines! {
    async fn what_is_of_another_organisation_is_not_there(database: &Database) {
        let native = native_divided(database).await;
        let (_, root) = native.somebody("root", Role::Superuser, "pro").await?;
        let (ada, token) = native.somebody("ada", Role::User, "pro").await?;
        let (amy, neighbour) = native.somebody("amy", Role::User, "pro").await?;
        let (bob, stranger) = native.somebody("bob", Role::User, "pro").await?;
        let (left, right) = (organization(&native, &root, "left").await?, organization(&native, &root, "right").await?);
        for (user, organization) in [(&ada, &left), (&amy, &left), (&bob, &right)] {
            let (status, moved) = put(&native, &root, &user.id, json!({"organization_id": organization})).await;
            assert_eq!((status, &moved["organization_id"]), (200, &json!(organization)));
        }
        let image = shown(&native, &token).await?;
        for path in looks(&image) {
            for nobody in [stranger.as_str(), ""] {
                let answer = native.get(&path, nobody).await;
                assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "not_found"), "{path} by {nobody:?}");
            }
            assert_eq!(native.get(&path, &neighbour).await.status, 200, "{path}");
        }
        // Whoever says who they are has to be it.
        let public = format!("/api/v1/images/{image}/public/file");
        assert_eq!(native.get(&public, "ea_nobody").await.status, 401);
        for (method, path, body) in acts(&image) {
            let answer = native.call(method.clone(), &path, &stranger, body.clone()).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "not_found"), "{method} {path}");
            let answer = native.call(method.clone(), &path, &neighbour, body).await;
            assert!(answer.status.is_success(), "{method} {path}: {}", answer.status);
        }
        assert_eq!((listed(&native, &neighbour).await, listed(&native, &stranger).await, listed(&native, "").await), (1, 0, 0));
        // A link is for whoever has it.
        let link = native.post(&format!("/api/v1/images/{image}/share"), &token, json!({})).await.json();
        let link = link["token"].as_str().ok_or("a token")?;
        for path in [format!("/api/v1/shared/{link}"), format!("/api/v1/shared/{link}/file")] {
            for who in [stranger.as_str(), ""] {
                assert_eq!(native.get(&path, who).await.status, 200, "{path}");
            }
        }
        // Who comes back to nobody's organisation is seen by everybody who is in none.
        assert_eq!(put(&native, &root, &ada.id, json!({"organization_id": null})).await.0, 200);
        assert_eq!((listed(&native, &neighbour).await, listed(&native, "").await), (0, 1));
        native.assert_clean().await?;
    }

    async fn where_nobody_is_divided_everybody_sees_everything(database: &Database) {
        let native = native(database).await;
        let (_, root) = native.somebody("root", Role::Superuser, "pro").await?;
        let (ada, token) = native.somebody("ada", Role::User, "pro").await?;
        let (_, stranger) = native.somebody("bob", Role::User, "pro").await?;
        let left = organization(&native, &root, "left").await?;
        assert_eq!(put(&native, &root, &ada.id, json!({"organization_id": left})).await.0, 200);
        let image = shown(&native, &token).await?;
        for path in looks(&image) {
            for who in [stranger.as_str(), ""] {
                assert_eq!(native.get(&path, who).await.status, 200, "{path} by {who:?}");
            }
        }
        // Nobody is asked who they are where it does not matter.
        assert_eq!(native.get(&format!("/api/v1/images/{image}/public/file"), "ea_nobody").await.status, 200);
        for (method, path, body) in acts(&image) {
            let answer = native.call(method.clone(), &path, &stranger, body).await;
            assert!(answer.status.is_success(), "{method} {path}: {}", answer.status);
        }
    }

    async fn organisations_are_a_superusers_to_make(database: &Database) {
        let native = native(database).await;
        let (_, root) = native.somebody("root", Role::Superuser, "pro").await?;
        let (user, admin) = native.somebody("admin", Role::Admin, "pro").await?;
        let list = "/api/v1/admin/organizations";
        assert_eq!(native.get(list, &admin).await.json(), json!({"data": [], "next": null}));
        let refused = native.post(list, &admin, json!({"slug": "left", "name": "Left"})).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (403, "forbidden"));
        let mut made = Vec::new();
        for slug in ["one", "two", "three"] {
            made.push(organization(&native, &root, slug).await?);
        }
        let taken = native.post(list, &root, json!({"slug": "one", "name": "Another"})).await;
        assert_eq!((taken.status.as_u16(), taken.code().as_str()), (409, "already_taken"));
        let wrong = native.post(list, &root, json!({"slug": "One!", "name": "One"})).await;
        assert_eq!((wrong.status.as_u16(), wrong.code().as_str()), (400, "invalid_value"));
        made.sort();
        let first = native.get(&format!("{list}?limit=2"), &admin).await.json();
        let next = first["next"].as_str().ok_or("a next page")?;
        let second = native.get(&format!("{list}?limit=2&after={next}"), &admin).await.json();
        let ids = |page: &Value| page["data"].as_array().into_iter().flatten().map(|row| row["id"].clone()).collect::<Vec<_>>();
        assert_eq!([ids(&first), ids(&second)].concat(), made.iter().map(|id| json!(id)).collect::<Vec<_>>());
        assert_eq!(second["next"], Value::Null);
        assert_eq!(put(&native, &admin, &user.id, json!({"organization_id": made[0]})).await.0, 403);
        assert_eq!(put(&native, &root, &user.id, json!({})).await.0, 400, "nobody is moved by leaving something out");
        assert_eq!(put(&native, &root, &user.id, json!({"organization_id": "nowhere"})).await.0, 404);
        let local = easel_platform::accounts::LOCAL_ID;
        assert_eq!(put(&native, &root, local, json!({"organization_id": made[0]})).await.0, 403);
        assert_eq!(put(&native, &root, &user.id, json!({"organization_id": made[0]})).await.0, 200);
        let record = native.get("/api/v1/admin/audit?limit=1", &admin).await.json();
        assert_eq!((&record["data"][0]["action"], &record["data"][0]["target_id"]), (&json!("user.organization"), &json!(user.id)));
        assert_eq!(record["data"][0]["detail"]["to"], json!(made[0]));
    }
}
