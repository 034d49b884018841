//! People with accounts, their pictures, and what they ask for.

use axum::{
    body::Body,
    http::{Method, Request},
};
use easel_platform::{
    accounts::{Actor, Origin, Registration},
    jobs::{Jobs, NewImage, NewJob, Results},
    records::{Role, User},
};
use easel_types::Quality;
use serde_json::Value;

use crate::common::{Answer, Server, server};

const PASSWORD: &str = "correct horse";

/// Somebody who is logged in.
pub struct Person {
    pub user: User,
    pub token: String,
}

/// A server that somebody administers, so that who sends nothing is nobody.
pub async fn peopled() -> Server {
    let server = server().await;
    let boss = Registration { email: "boss@example.org", password: PASSWORD, username: Some("boss"), ..Registration::default() };
    server.platform.accounts.create_superuser(boss).await.expect("an administrator");
    server
}

/// Somebody new.
pub async fn person(server: &Server, name: &str) -> Person {
    let email = format!("{name}@example.org");
    let registration = Registration { email: &email, password: PASSWORD, username: Some(name), ..Registration::default() };
    server.platform.accounts.register(registration).await.expect("a new name");
    log_in(server, name).await
}

pub async fn log_in(server: &Server, name: &str) -> Person {
    let email = format!("{name}@example.org");
    let (user, tokens) = server.platform.accounts.login(&email, PASSWORD, Origin::default()).await.expect("a login");
    Person { user, token: tokens.access }
}

/// Somebody of this rank.
pub async fn ranked(server: &Server, name: &str, role: Role) -> Person {
    let person = person(server, name).await;
    server.platform.accounts.set_role(&Actor::operator(), &person.user.id, role).await.expect("a rank");
    log_in(server, name).await
}

impl Server {
    /// Asks as somebody, or as nobody.
    pub async fn ask(&self, who: Option<&Person>, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}")).header("host", "easel.test:8080");
        if let Some(person) = who {
            request = request.header("authorization", format!("Bearer {}", person.token));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).expect("a request")).await
    }

    /// What somebody sees.
    pub async fn see(&self, who: Option<&Person>, path: &str) -> Value {
        let answer = self.ask(who, Method::GET, path, None).await;
        assert_eq!(answer.status, 200, "{path}: {:?}", String::from_utf8_lossy(&answer.bytes));
        answer.json()
    }

    /// What changes something and says nothing more.
    pub async fn change(&self, who: &Person, method: Method, path: &str, body: Option<Value>) {
        let answer = self.ask(Some(who), method.clone(), path, body).await;
        assert_eq!(answer.status, 204, "{method} {path}: {:?}", String::from_utf8_lossy(&answer.bytes));
    }

    /// Status and code of what is refused.
    pub async fn refused(&self, who: Option<&Person>, method: Method, path: &str, body: Option<Value>) -> (u16, String) {
        let answer = self.ask(who, method, path, body).await;
        (answer.status.as_u16(), answer.code())
    }

    /// Pictures of somebody's, of this prompt; oldest first. There are no files.
    pub async fn pictures(&self, of: &Person, prompt: &str, count: usize) -> Vec<String> {
        let jobs = &self.platform.jobs;
        let mut ids = Vec::new();
        for number in 0..count {
            let request = serde_json::json!({ "prompt": prompt }).to_string();
            let new = NewJob {
                user_id: &of.user.id,
                idempotency_key: None,
                model: "toy",
                quality: Quality::Normal,
                images: 1,
                request: &request,
                key_id: None,
                callback_url: None,
                mail_at_end: false,
                parent_image: None,
                batch_key: None,
            };
            jobs.submit(new).await.expect("a job");
            let job = jobs.claim("test", None, 1).await.expect("a claim").remove(0);
            let image = NewImage {
                index: 0,
                storage_key: format!("output/{}", job.id),
                thumbnail_key: None,
                sha256: "00".to_owned(),
                bytes: 1000,
                width: 64,
                height: 64,
                format: "png".to_owned(),
                prompt: prompt.to_owned(),
                blurhash: None,
                parameters: serde_json::json!({ "sampler": "euler", "mode": "text_to_image", "seed": number }).to_string(),
            };
            let results = Results { images: vec![image], gpu_ms: 1 };
            jobs.finish(&Jobs::lease_of(&job).expect("a lease"), &results).await.expect("an end");
            let page = self.platform.gallery.find(&of.user.id, &easel_platform::gallery::Search::default(), 1).await;
            ids.push(page.expect("a page").items.remove(0).id);
        }
        ids
    }
}

/// The ids of a page.
pub fn ids(page: &Value) -> Vec<String> {
    let rows = page["data"].as_array().unwrap_or_else(|| panic!("no rows in {page}"));
    rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}
