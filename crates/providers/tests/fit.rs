//! The shipped catalogue, and what of an order each model is given.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod fakes;

use easel_providers::{Capabilities, Catalogue, CatalogueError, Change, Field, Kind, Micros, Order, Size, Unfit};
use easel_types::{GenerationRequest, SamplerKind};
use fakes::accounts::inpaint;

fn order(width: u32, height: u32) -> Order {
    Order::from_request(&GenerationRequest::text_to_image("a heron"), "m", (width, height))
}

fn model(kind: Kind, name: &str) -> Capabilities {
    Catalogue::shipped().get(kind, name).unwrap_or_else(|| panic!("{name}")).clone()
}

#[test]
fn every_service_but_ones_own_has_models_and_each_has_a_price_for_what_it_draws() {
    let catalogue = Catalogue::shipped();
    for &kind in Kind::ALL {
        let models: Vec<_> = catalogue.models(kind).collect();
        assert_eq!(models.is_empty(), kind == Kind::OpenaiCompatible, "{kind}");
        for (name, model) in models {
            for (width, height) in [(1024, 1024), (512, 768), (1920, 1080), (64, 64), (8000, 100)] {
                for quality in model.qualities.iter().cloned().map(Some).chain([None]) {
                    let fitted =
                        model.fit(&Order { quality, ..order(width, height) }).unwrap_or_else(|error| panic!("{name}: {error}"));
                    assert!(fitted.quote.total > Micros::ZERO, "{name}");
                }
            }
        }
    }
}

#[test]
fn prices_are_by_model_size_and_quality() {
    for (kind, name, (width, height), quality, pictures, micros) in [
        (Kind::Openai, "gpt-image-1", (1024, 1024), "low", 1, 11_000),
        (Kind::Openai, "gpt-image-1", (1024, 1024), "high", 2, 334_000),
        (Kind::Openai, "gpt-image-1", (1024, 1536), "high", 1, 250_000),
        (Kind::Openai, "dall-e-3", (1024, 1792), "hd", 1, 120_000),
        (Kind::Gemini, "gemini-3-pro-image-preview", (1024, 1024), "4K", 1, 240_000),
        (Kind::Gemini, "gemini-3-pro-image-preview", (1024, 1024), "1K", 1, 134_000),
        // Every megapixel that was begun: 1.05 are two.
        (Kind::Fal, "fal-ai/flux/dev", (1024, 1024), "", 1, 50_000),
        (Kind::Fal, "fal-ai/flux/dev", (992, 992), "", 3, 75_000),
    ] {
        let quality = Some(quality.to_owned()).filter(|quality| !quality.is_empty());
        let order = Order { quality, num_images: pictures, ..order(width, height) };
        assert_eq!(model(kind, name).fit(&order).unwrap().quote.total, Micros(micros), "{name} {width}x{height}");
    }
}

#[test]
fn what_is_dropped_is_listed() {
    let mut request = GenerationRequest::text_to_image("a heron");
    request.negative_prompt = Some("blurry".into());
    request.seed = Some(7);
    request.num_inference_steps = Some(30);
    request.guidance_scale = Some(7.5);
    request.sampler = Some(SamplerKind::Euler);
    request.clip_skip = Some(1);
    let asked = Order { quality: Some("ultra".into()), ..Order::from_request(&request, "m", (1000, 1000)) };
    let dropped = |fields: &[Field]| fields.iter().map(|&field| Change::Dropped { field }).collect::<Vec<_>>();
    let fitted = model(Kind::Openai, "dall-e-3").fit(&asked).unwrap();
    let mut wanted = dropped(&[
        Field::Sampler,
        Field::ClipSkip,
        Field::NegativePrompt,
        Field::Seed,
        Field::NumInferenceSteps,
        Field::GuidanceScale,
        Field::Quality,
    ]);
    wanted.push(Change::Resized { asked: Size(1000, 1000), served: Size(1024, 1024) });
    assert_eq!(fitted.changes, wanted);
    assert_eq!((fitted.order.seed, &fitted.order.negative_prompt), (None, &None));
    assert_eq!(fitted.order.quality.as_deref(), Some("standard"), "the default");
    // One that knows most of it, within limits.
    let fitted = model(Kind::Fal, "fal-ai/flux/schnell").fit(&asked).unwrap();
    let mut wanted = dropped(&[Field::Sampler, Field::ClipSkip, Field::NegativePrompt, Field::Quality]);
    wanted.push(Change::Resized { asked: Size(1000, 1000), served: Size(992, 992) });
    wanted.push(Change::Limited { field: Field::NumInferenceSteps, served: 12 });
    assert_eq!(fitted.changes, wanted);
    let json = serde_json::to_string(&fitted.changes).unwrap();
    assert!(json.contains(r#"{"change":"resized","asked":"1000x1000","served":"992x992"}"#), "{json}");
}

#[test]
fn sizes_are_the_nearest_by_shape() {
    for (kind, name, asked, served) in [
        (Kind::Openai, "gpt-image-1", (512, 768), (1024, 1536)),
        (Kind::Openai, "gpt-image-1", (1920, 1080), (1536, 1024)),
        (Kind::Openai, "gpt-image-1", (640, 600), (1024, 1024)),
        (Kind::Imagen, "imagen-4.0-generate-001", (1920, 1080), (1365, 768)),
        (Kind::Bfl, "flux-pro-1.1", (100, 5000), (256, 1440)),
        (Kind::Together, "black-forest-labs/FLUX.1-schnell", (4096, 4096), (1440, 1440)),
    ] {
        let fitted = model(kind, name).fit(&order(asked.0, asked.1)).unwrap();
        assert_eq!((fitted.order.width, fitted.order.height), served, "{name} {asked:?}");
    }
}

#[test]
fn who_cannot_says_so() {
    let mut asked = order(1024, 1024);
    asked.task = inpaint();
    assert_eq!(model(Kind::Imagen, "imagen-4.0-generate-001").fit(&asked), Err(Unfit::Task));
    let many = Order { num_images: 11, ..order(1024, 1024) };
    let openai = model(Kind::Openai, "gpt-image-1");
    assert_eq!(openai.fit(&many), Err(Unfit::Pictures));
    assert_eq!(openai.batches(23), [10, 10, 3]);
    assert_eq!(openai.batches(10), [10]);
    let long = Order { prompt: "x".repeat(4001), ..order(1024, 1024) };
    assert_eq!(model(Kind::Openai, "dall-e-3").fit(&long), Err(Unfit::Prompt));
}

#[test]
fn seeds_that_mean_something_else_are_changed_and_said_to_be() {
    let stability = model(Kind::Stability, "generate/core");
    for (seed, served) in [(1, 1), (0, 1), (4_294_967_294, 4_294_967_294), (u64::MAX, u64::MAX % 4_294_967_294)] {
        let fitted = stability.fit(&Order { seed: Some(seed), ..order(1254, 1254) }).unwrap();
        assert_eq!(fitted.order.seed, Some(served));
        let changed = fitted.changes.contains(&Change::Limited { field: Field::Seed, served });
        assert_eq!(changed, seed != served, "{seed}");
    }
}

#[test]
fn a_catalogue_that_makes_no_sense_is_refused() {
    let with = |change: (&str, &str)| {
        let good = "models = [{ provider = \"fal\", name = \"a/b\", tasks = [\"text\"], sizes = { list = [\"8x8\"] }, prices = [{ micros = 1 }] }]";
        assert!(Catalogue::parse(good).is_ok());
        Catalogue::parse(&good.replace(change.0, change.1))
    };
    for (change, syntax) in [
        (("\"a/b\"", "\"../b\""), false),
        (("\"a/b\"", "\"a b\""), false),
        (("[\"text\"]", "[]"), false),
        (("[\"8x8\"]", "[]"), false),
        (("[\"8x8\"]", "[\"8x0\"]"), true),
        (("{ micros = 1 }", "{ micros = 1, quality = \"high\" }"), false),
        (("{ micros = 1 }", "{ micros = -1 }"), true),
        (("\"fal\"", "\"nobody\""), true),
        // What an adapter does not send is not accepted.
        (("[\"text\"]", "[\"text\"], qualities = [\"high\"]"), false),
        (("[\"text\"]", "[\"text\"], accepts = [\"sampler\"]"), false),
        (("tasks", "colour = 1, tasks"), true),
    ] {
        let error = with(change).unwrap_err();
        assert_eq!(matches!(error, CatalogueError::Syntax(_)), syntax, "{change:?}: {error}");
    }
}
