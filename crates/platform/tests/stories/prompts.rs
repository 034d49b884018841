//! Prompts enhanced by the operator's model, and by the rules when it cannot: nobody waits in vain, nothing is told that need not be.

use std::{sync::Arc, time::Duration};

use easel_outbound::{Client, Policy};
use easel_platform::{
    PlatformError,
    keyring::ServerKey,
    prompts::{Amount, By, ChatModel, ChatSettings, EnhanceRequest, Prompts, Settings},
    safety::{Filter, Guard},
};
use easel_testing::on_both_engines;
use serde_json::{Value, json};

use crate::{
    common::{Outcome, World},
    receiver::{Answer, Receiver, json as answer_json, status},
};

const KEY: &str = "sk-nobody-sees-this";

fn prompts(world: &World, address: &str, time_limit: Duration) -> Outcome<Prompts> {
    let policy = Policy { internal_hosts: vec![address.parse()?], ..Policy::default() };
    let settings = ChatSettings {
        url: format!("http://{address}/v1/"),
        name: "writer".to_owned(),
        key: Some(ServerKey::new(KEY)),
        time_limit,
    };
    let model = ChatModel::new(Client::new(policy)?, settings)?;
    let guard = Guard::new(world.context.clone(), Filter::embedded());
    Ok(Prompts::new(world.context.clone(), guard, Settings { styles: None, model: Some(model) }))
}

fn says(text: &str) -> Answer {
    answer_json(&json!({ "id": "x", "choices": [{ "index": 0, "message": { "role": "assistant", "content": text } }] }))
}

fn asking(prompt: &str) -> EnhanceRequest {
    EnhanceRequest { prompt: prompt.to_owned(), seed: 3, amount: Amount::Few, ..EnhanceRequest::default() }
}

/// Long enough for a busy machine.
const LONG: Duration = Duration::from_secs(600);

on_both_engines! {
    async fn a_model_is_asked_where_somebody_asks_for_it(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        let receiver = Receiver::start(|_| says("<think>hm</think>\"a fox under a bridge,\nwet cobbles, lamplight\"")).await;
        let prompts = prompts(&world, &receiver.address.to_string(), LONG)?;
        let style = prompts.styles().style("linocut")?.clone();
        let request = EnhanceRequest { styles: vec![style], negative: Some("text".to_owned()), ..asking("a fox under a bridge") };

        let ruled = prompts.enhance(&ada.id, &request, By::Rules).await?;
        assert_eq!((ruled.by, receiver.received().len()), (By::Rules, 0), "nothing leaves unasked");
        let written = prompts.enhance(&ada.id, &request, By::Model).await?;
        assert_eq!((written.prompt.as_str(), written.by, written.fell_back), ("a fox under a bridge, wet cobbles, lamplight", By::Model, None));
        assert_eq!((written.added.len(), &written.negative), (0, &ruled.negative));

        let sent = receiver.received().remove(0);
        assert_eq!((sent.method.as_str(), sent.target.as_str()), ("POST", "/v1/chat/completions"));
        assert_eq!(sent.headers["authorization"], format!("Bearer {KEY}"));
        let body: Value = serde_json::from_str(&sent.body)?;
        assert_eq!((&body["model"], &body["messages"][0]["role"]), (&json!("writer"), &json!("system")));
        let asked = body["messages"][1]["content"].as_str().ok_or("a text")?;
        assert!(asked.ends_with("Prompt: a fox under a bridge") && asked.contains("two phrases") && asked.contains("text"), "{asked}");
        assert!(!sent.body.contains(&ada.id) && !sent.body.contains("ada"), "nothing of who asks");
        assert!(!format!("{prompts:?}").contains(KEY));
    }

    async fn the_rules_do_it_when_the_model_cannot(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        let expected = {
            let guard = Guard::new(world.context.clone(), Filter::embedded());
            Prompts::new(world.context.clone(), guard, Settings::default()).enhance(&ada.id, &asking("a fox"), By::Rules).await?
        };
        let huge = "x".repeat(300 * 1024);
        let answers: Vec<(Answer, &str)> = vec![
            (status(500), "model_refused"),
            (status(401), "model_refused"),
            (status(302), "model_refused"),
            (Some((200, Vec::new(), "not json".to_owned())), "model_answer_unusable"),
            (answer_json(&json!({ "choices": [] })), "model_answer_unusable"),
            (says(""), "model_answer_unusable"),
            (says(&"long ".repeat(1000)), "model_answer_unusable"),
            (says(&huge), "model_answer_unusable"),
            // What nobody may ask for, a model may not say either.
            (says("a rape scene"), "model_answer_unusable"),
        ];
        for (answer, code) in answers {
            let answer = Arc::new(answer);
            let receiver = Receiver::start(move |_| (*answer).clone()).await;
            let enhanced = prompts(&world, &receiver.address.to_string(), LONG)?.enhance(&ada.id, &asking("a fox"), By::Model).await?;
            assert_eq!((enhanced.fell_back, enhanced.by), (Some(code), By::Rules));
            assert_eq!((&enhanced.prompt, &enhanced.added), (&expected.prompt, &expected.added));
        }
        // Silent, and not there.
        let silent = Receiver::start(|_| None).await;
        let enhanced = prompts(&world, &silent.address.to_string(), Duration::from_millis(200))?;
        assert_eq!(enhanced.enhance(&ada.id, &asking("a fox"), By::Model).await?.fell_back, Some("model_timeout"));
        let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        let enhanced = prompts(&world, &gone.to_string(), LONG)?;
        assert_eq!(enhanced.enhance(&ada.id, &asking("a fox"), By::Model).await?.fell_back, Some("model_unreachable"));
    }

    async fn what_is_not_drawn_here_is_not_sent_there(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        let receiver = Receiver::start(|_| says("a fox")).await;
        let refused = prompts(&world, &receiver.address.to_string(), LONG)?.enhance(&ada.id, &asking("a rape scene"), By::Model).await;
        assert!(matches!(refused, Err(PlatformError::ContentBlocked { .. })), "{refused:?}");
        assert_eq!(receiver.connections(), 0);
    }
}

#[test]
fn what_cannot_be_asked_is_said_at_once_and_without_the_key() {
    let client = || Client::new(Policy::default()).expect("a client");
    let settings =
        ChatSettings { url: "http://169.254.169.254/v1".to_owned(), name: "x".to_owned(), key: None, time_limit: LONG };
    assert!(ChatModel::new(client(), settings.clone()).is_err());
    let key = Some(ServerKey::new("hunter2\n"));
    let settings = ChatSettings { url: "https://models.example.org/v1".to_owned(), key, ..settings };
    let error = ChatModel::new(client(), settings).map(|_| ()).expect_err("no header has lines");
    assert!(!error.to_string().contains("hunter2"));
}
