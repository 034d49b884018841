//! Whose files others get: those of public pictures, and of the one that a link shows; never of a private one, one in the trash, or one that a
//! moderator hid. And nothing in them tells what their owner does not.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{Method, Request},
};
use easel_api::{ApiConfig, AppState, Door, FilesConfig, router};
use easel_imaging::{DecodeLimits, decode};
use easel_platform::{accounts::Actor, records::Role};
use easel_testing::on_both_engines;
use serde_json::{Value, json};

use crate::common::native::{Native, Outcome, native};

const SECRET: &str = "a secret circle";

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Both files of a folder are there, or neither: for who this is.
async fn are_there(native: &Native, folder: &str, token: &str) -> bool {
    let mut there = Vec::new();
    for file in ["file", "thumbnail"] {
        let answer = native.get(&format!("{folder}/{file}"), token).await;
        match answer.status.as_u16() {
            200 => assert!(decode(&answer.bytes, &DecodeLimits::default()).is_ok(), "{folder}/{file}"),
            _ => assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "not_found"), "{folder}/{file}"),
        }
        there.push(answer.status == 200);
    }
    assert_eq!(there[0], there[1], "{folder}");
    there[0]
}

struct Stage {
    native: Native,
    owner: String,
    owner_id: String,
    eve: String,
    moderator: String,
    ids: Vec<String>,
}

impl Stage {
    async fn set(native: Native) -> Outcome<Self> {
        let (user, owner) = native.somebody("ada", Role::User, "pro").await?;
        let (_, eve) = native.somebody("eve", Role::User, "pro").await?;
        let (_, moderator) = native.somebody("mod", Role::Moderator, "pro").await?;
        let job = native.drawn(&owner, json!({"prompt": SECRET, "n": 2})).await;
        let ids: Vec<String> = job["images"].as_array().ok_or("pictures")?.iter().map(|image| text(&image["id"])).collect();
        assert_eq!(ids.len(), 2);
        Ok(Self { native, owner, owner_id: user.id, eve, moderator, ids })
    }

    fn public(&self, index: usize) -> String {
        format!("/api/v1/images/{}/public", self.ids[index])
    }

    /// The same for everybody, the owner included: who one is does not matter here.
    async fn everybody_gets(&self, folder: &str) -> bool {
        let nobody = are_there(&self.native, folder, "").await;
        for token in [&self.owner, &self.eve, &self.moderator] {
            assert_eq!(are_there(&self.native, folder, token).await, nobody, "{folder}");
        }
        nobody
    }

    async fn owner_does(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let answer = self.native.call(method.clone(), path, &self.owner, body).await;
        assert!(answer.status.is_success(), "{method} {path}: {}", answer.status);
        serde_json::from_slice(&answer.bytes).unwrap_or_default()
    }

    async fn link(&self, index: usize, body: Value) -> (String, String) {
        let made = self.owner_does(Method::POST, &format!("/api/v1/images/{}/share", self.ids[index]), Some(body)).await;
        (format!("/api/v1/shares/{}", text(&made["id"])), format!("/api/v1/shared/{}", text(&made["token"])))
    }

    /// A report, and a moderator's decision to hide. Returns the case.
    async fn hide(&self, index: usize) -> String {
        let native = &self.native;
        let report = format!("/api/v1/images/{}/report", self.ids[index]);
        assert_eq!(native.post(&report, &self.eve, json!({"category": "spam"})).await.status, 204);
        let case = text(&native.get("/api/v1/admin/moderation", &self.moderator).await.json()["data"][0]["id"]);
        let decision = json!({"decision": "hide", "reason": "spam"});
        let decided = native.post(&format!("/api/v1/admin/moderation/{case}/decision"), &self.moderator, decision).await;
        assert_eq!(decided.status, 204);
        case
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

on_both_engines! {
    async fn everybody_gets_what_is_public_and_nothing_else(database: &Database) {
        let stage = Stage::set(native(database).await).await?;
        let folder = stage.public(0);
        assert!(!stage.everybody_gets(&folder).await, "private");
        stage.owner_does(Method::POST, &folder, None).await;
        assert!(stage.everybody_gets(&folder).await, "public");
        assert!(!stage.everybody_gets(&stage.public(1)).await, "the other is private");
        let shown = stage.native.get(&folder, "").await.json();
        assert_eq!((text(&shown["url"]), text(&shown["thumbnail_url"])), (format!("{folder}/file"), format!("{folder}/thumbnail")));

        stage.owner_does(Method::DELETE, &folder, None).await;
        assert!(!stage.everybody_gets(&folder).await, "withdrawn");
        stage.owner_does(Method::POST, &folder, None).await;
        stage.owner_does(Method::DELETE, &format!("/api/v1/images/{}", stage.ids[0]), None).await;
        assert!(!stage.everybody_gets(&folder).await, "in the trash");

        let folder = stage.public(1);
        stage.owner_does(Method::POST, &folder, None).await;
        let (_, link) = stage.link(1, json!({})).await;
        assert!(stage.everybody_gets(&folder).await && stage.everybody_gets(&link).await);
        let case = stage.hide(1).await;
        assert!(!stage.everybody_gets(&folder).await && !stage.everybody_gets(&link).await, "hidden");
        let evidence = format!("/api/v1/admin/moderation/{case}/thumbnail");
        assert_eq!(stage.native.get(&evidence, &stage.moderator).await.status, 200, "who decides sees it");
        assert_eq!(stage.native.get(&evidence, &stage.eve).await.status, 403);
        assert_eq!(stage.native.get("/api/v1/admin/moderation/none/thumbnail", &stage.moderator).await.status, 404);
        for nothing in ["/api/v1/images/nothing/public", "/api/v1/images/%00/public", "/api/v1/images/../public"] {
            assert!(!stage.everybody_gets(nothing).await, "{nothing}");
        }
    }

    async fn what_everybody_may_see_is_delivered_from_elsewhere_and_nothing_else(database: &Database) {
        let mut native = native(database).await;
        let cdn = Some("https://cdn.example/easel/".parse()?);
        let config = ApiConfig { door: Door::Accounts, cdn, ..ApiConfig::new(FilesConfig::new(database.dir().join("more"))) };
        native.router = router(AppState::new(native.engine.clone(), Arc::clone(&native.platform), config)?);
        let stage = Stage::set(native).await?;
        let folder = stage.public(0);
        stage.owner_does(Method::POST, &folder, None).await;
        let shown = stage.native.get(&folder, "").await.json();
        let there = |file: &str| json!(format!("https://cdn.example/easel{folder}/{file}"));
        assert_eq!((&shown["url"], &shown["thumbnail_url"]), (&there("file"), &there("thumbnail")));
        let listed = stage.native.get("/api/v1/images/public", "").await.json();
        assert_eq!(listed["data"][0]["url"], there("file"));
        // It may keep what it asks about each time; nobody may keep what is private or shown by a link.
        assert!(stage.everybody_gets(&folder).await);
        let file = stage.native.get(&format!("{folder}/file"), "").await;
        assert_eq!(file.header("cache-control"), "public, no-cache");
        let own = stage.native.get(&format!("/api/v1/images/{}", stage.ids[0]), &stage.owner).await.json();
        assert_eq!(own["url"], json!(format!("/api/v1/images/{}/file", stage.ids[0])));
        let (_, link) = stage.link(1, json!({})).await;
        assert_eq!(stage.native.get(&link, "").await.json()["url"], json!(format!("{link}/file")));
        for private in [format!("/api/v1/images/{}/file", stage.ids[0]), format!("{link}/file")] {
            let file = stage.native.get(&private, &stage.owner).await;
            assert!(file.header("cache-control").starts_with("private"), "{private}");
        }
        let page = stage.native.get("/explore", "").await;
        assert!(page.header("content-security-policy").contains("img-src 'self' https://cdn.example blob:"), "{:?}", page.headers);
        stage.owner_does(Method::DELETE, &folder, None).await;
        assert!(!stage.everybody_gets(&folder).await, "withdrawn");
    }

    async fn what_is_not_offered_is_not_there(database: &Database) {
        let native = native(database).await;
        let features = "registration,comments".parse()?;
        let config = ApiConfig { door: Door::Accounts, features, ..ApiConfig::new(FilesConfig::new(database.dir().join("more"))) };
        let some = router(AppState::new(native.engine.clone(), Arc::clone(&native.platform), config)?);
        let mut stage = Stage::set(native).await?;
        let folder = stage.public(0);
        stage.owner_does(Method::POST, &folder, None).await;
        let picture = format!("/api/v1/images/{}", stage.ids[0]);
        let gone = [
            folder.clone(), format!("{folder}/file"), format!("{picture}/comments"), "/api/v1/images/public".to_owned(),
            "/api/v1/users/ada".to_owned(), "/api/v1/feed".to_owned(), "/api/v1/users/me/likes".to_owned(),
        ];
        for path in &gone {
            assert_eq!(stage.native.get(path, &stage.owner).await.status, 200, "{path}");
        }
        stage.native.router = some;
        for path in &gone {
            let answer = stage.native.get(path, &stage.owner).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "not_found"), "{path}");
        }
        let shown = stage.native.get("/api/v1/config/public", "").await.json();
        assert_eq!((&shown["gallery"], &shown["comments"], &shown["registration"]), (&json!(false), &json!(false), &json!(true)));
        // What is one's own, and what a link shows, is there.
        assert_eq!(stage.native.get(&picture, &stage.owner).await.status, 200);
        assert_eq!(stage.native.get("/api/v1/users/me", &stage.owner).await.status, 200);
        let (_, link) = stage.link(0, json!({})).await;
        assert!(stage.everybody_gets(&link).await);
        let page = String::from_utf8(stage.native.get(&format!("/explore/{}", stage.ids[0]), "").await.bytes)?;
        assert!(!page.contains("og:image"));
    }

    async fn a_link_opens_the_files_of_its_picture_alone(database: &Database) {
        let stage = Stage::set(native(database).await).await?;
        let (row, link) = stage.link(0, json!({})).await;
        assert!(stage.everybody_gets(&link).await);
        let shown = stage.native.get(&link, "").await.json();
        assert_eq!((text(&shown["id"]), text(&shown["url"])), (stage.ids[0].clone(), format!("{link}/file")));
        // Whoever posts the link shows a preview of what it shows, and no prompt that is not shown.
        let token = link.rsplit('/').next().ok_or("a token")?;
        let page = stage.native.get(&format!("/shared/{token}"), "").await;
        let html = String::from_utf8(page.bytes.clone())?;
        assert!(html.contains(&format!("<meta property=\"og:image\" content=\"http://easel.test{link}/thumbnail\" />")), "{html}");
        assert!(html.contains("A picture by ada") && !html.contains(SECRET));
        assert!(page.header("content-security-policy").contains("default-src 'none'"));
        let unknown = String::from_utf8(stage.native.get("/shared/is_x", "").await.bytes)?;
        assert!(!unknown.contains("og:image"));
        // Being shown by a link makes nothing public, and a link has one picture.
        assert!(!stage.everybody_gets(&stage.public(0)).await);
        for other in [format!("{link}/{}", stage.ids[1]), format!("/api/v1/shared/{}", stage.ids[0]), format!("{row}/shared")] {
            assert_eq!(stage.native.get(&format!("{other}/file"), "").await.status, 404, "{other}");
        }
        stage.owner_does(Method::DELETE, &row, None).await;
        assert!(!stage.everybody_gets(&link).await, "revoked");
        let (_, link) = stage.link(1, json!({})).await;
        assert!(stage.everybody_gets(&link).await);
        stage.owner_does(Method::DELETE, &format!("/api/v1/images/{}", stage.ids[1]), None).await;
        assert!(!stage.everybody_gets(&link).await, "in the trash");

        let (_, link) = stage.link(0, json!({})).await;
        stage.owner_does(Method::POST, &stage.public(0), None).await;
        assert!(are_there(&stage.native, &link, "").await && are_there(&stage.native, &stage.public(0), "").await);
        stage.native.platform.accounts.set_active(&Actor::operator(), &stage.owner_id, false).await?;
        assert!(!are_there(&stage.native, &link, "").await && !are_there(&stage.native, &stage.public(0), "").await, "suspended");
    }

    async fn what_is_written_in_a_file_is_given_with_the_prompt_alone(database: &Database) {
        let stage = Stage::set(native(database).await).await?;
        let own = stage.native.get(&format!("/api/v1/images/{}/file", stage.ids[0]), &stage.owner).await;
        assert!(has(&own.bytes, SECRET) && own.header("cache-control").contains("immutable"));
        let folder = stage.public(0);
        stage.owner_does(Method::POST, &folder, None).await;
        let bare = stage.native.get(&format!("{folder}/file"), "").await;
        assert_eq!((bare.header("content-type"), bare.header("cache-control")), ("image/png", "private, no-cache"));
        assert!(!has(&bare.bytes, "secret") && !has(&bare.bytes, "Steps"), "its owner keeps that");
        let pixels = |bytes: &[u8]| decode(bytes, &DecodeLimits::default()).expect("a picture").rgb;
        assert_eq!(pixels(&bare.bytes), pixels(&own.bytes));
        let (_, link) = stage.link(0, json!({})).await;
        assert_eq!(stage.native.get(&format!("{link}/file"), "").await.bytes, bare.bytes);

        stage.owner_does(Method::POST, &format!("{folder}?shows_prompt=true"), None).await;
        let whole = stage.native.get(&format!("{folder}/file"), "").await;
        assert!(whole.bytes == own.bytes && whole.header("etag") != bare.header("etag"));
        let (_, telling) = stage.link(0, json!({"shows_prompt": true})).await;
        assert_eq!(stage.native.get(&format!("{telling}/file"), "").await.bytes, own.bytes);
        assert_eq!(stage.native.get(&format!("{link}/file"), "").await.bytes, bare.bytes, "a link says for itself what it shows");

        // Who has a file is told so while they may see it, and no longer.
        let known = |tag: String| Request::builder().uri(format!("{folder}/file")).header("host", "easel.test").header("if-none-match", tag);
        let tag = whole.header("etag").to_owned();
        assert_eq!(stage.native.send(known(tag.clone()).body(Body::empty())?).await.status, 304);
        stage.owner_does(Method::DELETE, &folder, None).await;
        assert_eq!(stage.native.send(known(tag).body(Body::empty())?).await.status, 404);
        stage.native.assert_clean().await?;
    }
}
