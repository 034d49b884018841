//! Reports, `/api/v1/admin/moderation`, and objections.

use axum::http::Method;
use easel_platform::records::Role;
use serde_json::json;

use super::support::{ids, peopled, person, ranked};

#[tokio::test]
async fn a_report_becomes_a_decision_and_an_objection() {
    let server = peopled().await;
    let (ada, eve) = (person(&server, "ada").await, person(&server, "eve").await);
    let (moderator, admin) = (ranked(&server, "mod", Role::Moderator).await, ranked(&server, "chief", Role::Admin).await);
    let picture = server.pictures(&ada, "a cat", 1).await.remove(0);
    server.change(&ada, Method::POST, &format!("/images/{picture}/public"), None).await;
    server
        .change(&eve, Method::POST, &format!("/images/{picture}/report"), Some(json!({ "category": "spam", "note": "again" })))
        .await;
    for who in [None, Some(&ada)] {
        for path in ["/admin/moderation", "/admin/findings"] {
            assert_eq!(server.refused(who, Method::GET, path, None).await.0, if who.is_none() { 401 } else { 403 }, "{path}");
        }
    }
    let queue = server.see(Some(&moderator), "/admin/moderation").await;
    let case = ids(&queue).remove(0);
    let detail = server.see(Some(&moderator), &format!("/admin/moderation/{case}")).await;
    assert_eq!((&detail["case"]["target_id"], &detail["reports"][0]["note"]), (&json!(picture), &json!("again")));
    let decision = format!("/admin/moderation/{case}/decision");
    assert_eq!(server.refused(Some(&ada), Method::POST, &decision, Some(json!({ "decision": "approve" }))).await.0, 403);
    assert_eq!(
        server.refused(Some(&moderator), Method::POST, &decision, Some(json!({ "decision": "ban", "reason": "x" }))).await.0,
        403
    );
    server.change(&moderator, Method::POST, &decision, Some(json!({ "decision": "hide", "reason": "spam" }))).await;
    assert_eq!(ids(&server.see(None, "/images/public").await).len(), 0);
    assert_eq!(server.see(Some(&ada), &format!("/images/{picture}")).await["hidden_reason"], json!("spam"));
    let publish = format!("/images/{picture}/public");
    assert_eq!(server.refused(Some(&ada), Method::POST, &publish, None).await, (403, "forbidden".to_owned()));
    let own = server.see(Some(&ada), "/users/me/cases").await;
    assert_eq!((&own["data"][0]["decision"], own["data"][0].get("decided_by")), (&json!("hide"), None));
    server.change(&ada, Method::POST, &format!("/users/me/cases/{case}/appeal"), Some(json!({ "text": "it is a cat" }))).await;
    let close = format!("/admin/moderation/{case}/close");
    assert_eq!(server.refused(Some(&moderator), Method::POST, &close, Some(json!({ "overturn": true }))).await.0, 403);
    server.change(&admin, Method::POST, &close, Some(json!({ "overturn": true }))).await;
    assert_eq!(ids(&server.see(None, "/images/public").await), std::slice::from_ref(&picture));
    let body = json!({ "target_kind": "image", "target": picture, "category": "violence" });
    let opened = server.ask(Some(&moderator), Method::POST, "/admin/moderation", Some(body)).await;
    assert_eq!((opened.status.as_u16(), &opened.json()["case"]["state"]), (201, &json!("open")));
    let findings = server.see(Some(&moderator), &format!("/admin/findings?user_id={}", ada.user.id)).await;
    assert_eq!(findings["data"][0]["decision"], json!("hide"));
}
