//! The WebSocket, over a real connection: news of one's own jobs and of nobody else's.

use std::time::Duration;

use crate::common::native::{Native, Outcome, native};
use easel_platform::records::Role;
use easel_testing::on_both_engines;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn listen(native: &Native) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let router = native.router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address.to_string()
}

async fn connect(address: &str, headers: &[(&'static str, &str)]) -> Result<Socket, Error> {
    let mut request = format!("ws://{address}/api/v1/ws").into_client_request()?;
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().expect("a header"));
    }
    connect_async(request).await.map(|(socket, _)| socket)
}

/// The next thing told.
async fn told(socket: &mut Socket) -> Outcome<Value> {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(30), socket.next()).await?.ok_or("the line is over")??;
        if let Message::Text(text) = message {
            return Ok(serde_json::from_str(&text)?);
        }
    }
}

fn refused(answer: Result<Socket, Error>) -> u16 {
    match answer {
        Err(Error::Http(response)) => response.status().as_u16(),
        other => panic!("{other:?}"),
    }
}

on_both_engines! {
    async fn news_of_ones_own_jobs(database: &Database) {
        let native = native(database).await;
        let (_, ada) = native.somebody("ada", Role::User, "free").await?;
        let (_, eve) = native.somebody("eve", Role::Admin, "free").await?;
        let address = listen(&native).await;
        let bearer = |token: &str| format!("Bearer {token}");
        let mut hers = connect(&address, &[("authorization", &bearer(&ada))]).await?;
        let mut others = connect(&address, &[("authorization", &bearer(&eve))]).await?;

        let job = native.post("/api/v1/images/generate", &ada, json!({"prompt": "a red circle"})).await.json();
        let id = job["id"].as_str().ok_or("an id")?;
        hers.send(Message::text(json!({"subscribe": id}).to_string())).await?;
        let mut kinds = Vec::new();
        let ended = loop {
            let said = told(&mut hers).await?;
            kinds.push(said["type"].as_str().ok_or("a type")?.to_owned());
            if said["type"] == "job" && said["job"]["state"] == "completed" {
                break said;
            }
        };
        assert_eq!(ended["job"]["images"].as_array().map(Vec::len), Some(1));
        assert!(kinds.iter().all(|kind| kind == "job" || kind == "news"), "{kinds:?}");

        others.send(Message::text(json!({"subscribe": id}).to_string())).await?;
        let said = told(&mut others).await?;
        assert_eq!((&said["type"], &said["code"]), (&json!("error"), &json!("not_found")), "the first she hears of it");
        for wrong in ["", "{}", "[]", "{\"subscribe\": 1}"] {
            others.send(Message::text(wrong)).await?;
            assert_eq!(told(&mut others).await?["code"], "invalid_message", "{wrong}");
        }
        others.send(Message::text("x".repeat(2000))).await?;
        assert!(told(&mut others).await.is_err(), "a message that is too large ends the line");
    }

    async fn nobody_and_no_other_page_gets_a_line(database: &Database) {
        let native = native(database).await;
        let (_, ada) = native.somebody("ada", Role::User, "free").await?;
        let address = listen(&native).await;
        assert_eq!(refused(connect(&address, &[]).await), 401);
        assert_eq!(refused(connect(&address, &[("authorization", "Bearer ea_x")]).await), 401);
        let cookie = format!("__Host-easel_access={ada}");
        assert_eq!(refused(connect(&address, &[("cookie", &cookie), ("origin", "https://evil.example")]).await), 403);
        let ours = format!("http://{address}");
        assert!(connect(&address, &[("cookie", &cookie), ("origin", &ours)]).await.is_ok());
        let plain = native.get("/api/v1/ws", &ada).await;
        assert_eq!((plain.status.as_u16(), plain.code().as_str()), (426, "upgrade_required"));
    }
}
