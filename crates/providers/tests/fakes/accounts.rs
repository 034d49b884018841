//! Accounts with the fakes, and orders for them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use easel_outbound::Client;
use easel_providers::{
    Account, Attempt, AttemptKey, Catalogue, Fitted, Kind, Limit, Micros, Order, Owner, ProviderId, Registered, Secret, connect,
};
use easel_types::{GenerationRequest, Gray8, Rgb8, Task};

/// What must be found nowhere.
pub const KEY: &str = "sk-canary-7f3a9b-very-secret";
pub const PROMPT: &str = "a canary prompt about a heron";

/// A server of one's own has models of one's own.
const OWN_MODEL: &str = r#"
    [[models]]
    provider = "openai_compatible"
    name = "own-model"
    tasks = ["text", "image", "inpaint"]
    pictures_max = 4
    sizes = { free = { multiple = 8, min = 64, max = 2048, pixels_max = 4194304 } }
    accepts = ["seed", "negative_prompt", "num_inference_steps", "guidance_scale"]
    prices = [{ micros = 0 }]
"#;

/// The host that a service's calls go to, and that its pictures lie on.
pub fn hosts(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Openai => ("api.openai.com", "oaidalleapiprodscus.blob.core.windows.net"),
        Kind::Stability => ("api.stability.ai", "api.stability.ai"),
        Kind::Replicate => ("api.replicate.com", "pbxt.replicate.delivery"),
        Kind::Fal => ("queue.fal.run", "v3.fal.media"),
        Kind::Gemini | Kind::Imagen => ("generativelanguage.googleapis.com", "generativelanguage.googleapis.com"),
        Kind::Bfl => ("api.bfl.ai", "delivery-eu1.bfl.ai"),
        Kind::Together => ("api.together.ai", "api.together.ai"),
        Kind::OpenaiCompatible => ("images.example.com", "images.example.com"),
    }
}

/// A model of the service, from the shipped catalogue.
pub fn model(kind: Kind) -> &'static str {
    match kind {
        Kind::Openai => "dall-e-3",
        Kind::Stability => "generate/core",
        Kind::Replicate => "black-forest-labs/flux-schnell",
        Kind::Fal => "fal-ai/flux/dev",
        Kind::Gemini => "gemini-2.5-flash-image",
        Kind::Imagen => "imagen-4.0-generate-001",
        Kind::Bfl => "flux-pro-1.1",
        Kind::Together => "black-forest-labs/FLUX.1-schnell",
        Kind::OpenaiCompatible => "own-model",
    }
}

pub fn account(kind: Kind, base: String) -> Account {
    let own = Catalogue::parse(OWN_MODEL).unwrap();
    let models = own.models(kind).map(|(name, model)| (name.to_owned(), model.clone())).collect::<BTreeMap<_, _>>();
    Account {
        id: ProviderId::from(kind),
        kind,
        owner: Owner::Operator,
        base_url: Some(base),
        key: Secret::new(KEY),
        budget: Limit { day: Micros(10_000_000), month: Micros(100_000_000) },
        region: None,
        picture_hosts: Vec::new(),
        idempotent: false,
        models,
    }
}

/// The path that a service's base address ends in.
pub fn base(kind: Kind, port: u16) -> String {
    let path = kind.base_url().unwrap_or("https://images.example.com/v1").splitn(4, '/').nth(3).unwrap_or_default();
    format!("http://{}:{port}/{path}", hosts(kind).0)
}

pub fn registered(client: &Client, kind: Kind, port: u16) -> Registered {
    connect(client, &Catalogue::shipped(), account(kind, base(kind, port))).unwrap_or_else(|error| panic!("{kind}: {error}"))
}

pub fn order(kind: Kind) -> Order {
    let mut request = GenerationRequest::text_to_image(PROMPT);
    request.seed = Some(42);
    Order::from_request(&request, model(kind), (1024, 1024))
}

/// A small picture, half of which is to be drawn anew.
pub fn inpaint() -> Task {
    let image = Arc::new(Rgb8::new(64, 64, vec![90; 64 * 64 * 3]).unwrap());
    let mask = (0..64 * 64).map(|at| if at % 64 < 32 { 255 } else { 0 }).collect();
    Task::Inpaint { image, mask: Arc::new(Gray8::new(64, 64, mask).unwrap()), strength: 0.7 }
}

pub fn fitted(registered: &Registered, order: &Order) -> Fitted {
    registered.provider.capabilities(&order.model).unwrap().fit(order).unwrap()
}

pub fn attempt(kind: Kind) -> Attempt {
    Attempt { key: AttemptKey::new("job-1", 0, &kind.into(), 1).unwrap(), time_left: Duration::from_secs(20), webhook: None }
}
