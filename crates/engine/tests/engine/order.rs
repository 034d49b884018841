//! What happens in which order, and that pictures reach the one who asked for them.

use crate::common::{engine, finished, given_back, pictures, request, rules, started, story};
use easel_engine::{
    EngineConfig, Event,
    scheduler::Rules,
    sim::{Gate, SimConfig, picture},
};

#[tokio::test]
async fn one_picture_from_queue_to_finish() {
    let (engine, probe) = engine(SimConfig::default(), EngineConfig::default()).await;
    let ticket = engine.submit(request(7)).unwrap();
    let story = story(ticket).await.join(", ");
    insta::assert_snapshot!(story, @"queued 0, started, step 1/4, step 2/4, step 3/4, step 4/4, decoded 1/1, finished 1");
    insta::assert_snapshot!(probe.calls().join(", "), @"load sim, admit 0, prepare 0, step 0@0, step 0@1, step 0@2, step 0@3, decode 0");
    given_back(&engine, &probe).await;
}

#[tokio::test]
async fn the_rate_is_pictures_times_steps_a_second() {
    let (engine, _) = engine(SimConfig::default(), EngineConfig::default()).await;
    let mut ticket = engine.submit(pictures(7, 2)).unwrap();
    let mut last = None;
    while let Some(event) = ticket.next().await {
        if let Event::Step { rate, .. } = event {
            last = Some(rate);
        }
    }
    let rate = last.expect("there were steps");
    assert!((rate - 20.0).abs() < 1e-6, "two pictures, 100 ms a step: {rate}");
}

#[tokio::test]
async fn the_pictures_of_a_request_are_stepped_together_and_decoded_in_slices() {
    let config = rules(Rules { admitted_max: 3, ..Rules::default() });
    let (engine, probe) = engine(SimConfig { steps: 2, ..SimConfig::default() }, config).await;
    let drawn = finished(engine.submit(pictures(7, 4)).unwrap()).await;
    insta::assert_snapshot!(probe.calls().join("\n"), @r"
    load sim
    admit 0
    admit 1
    admit 2
    prepare 0
    prepare 1
    prepare 2
    step 0@0 1@0 2@0
    step 0@1 1@1 2@1
    decode 0
    admit 3
    prepare 3
    decode 1
    decode 2
    step 3@0
    step 3@1
    decode 3
    ");
    for (i, one) in drawn.iter().enumerate() {
        let seed = 7 + i as u64;
        assert_eq!((one.index, one.resolved.seed), (i as u32, seed));
        assert_eq!(one.image, picture(seed, 128, 128));
    }
    given_back(&engine, &probe).await;
}

#[tokio::test]
async fn requests_are_served_in_the_order_they_came_and_keep_their_pictures() {
    let gate = Gate::closed();
    let sim = SimConfig { gate: Some(gate.clone()), ..SimConfig::default() };
    let one_by_one = Rules { admitted_max: 1, ..Rules::default() };
    let (engine, _) = engine(sim, rules(one_by_one)).await;
    let mut first = engine.submit(request(1)).unwrap();
    started(&mut first).await;
    let second = engine.submit(request(2)).unwrap();
    let mut third = engine.submit(request(3)).unwrap();
    assert!(matches!(third.next().await, Some(Event::Queued { position: 1, .. })));
    gate.open();
    for (ticket, seed) in [(first, 1), (second, 2)] {
        assert_eq!(finished(ticket).await[0].image, picture(seed, 128, 128));
    }
    // Each place replaces the one before it that nobody has read.
    let positions: Vec<_> = story(third).await.into_iter().take_while(|word| word != "started").collect();
    assert_eq!(positions.last().map(String::as_str), Some("queued 0"));
}

#[tokio::test]
async fn a_request_without_a_seed_gets_one_and_says_which() {
    let (engine, _) = engine(SimConfig::default(), EngineConfig::default()).await;
    let ticket = engine.submit(easel_types::GenerationRequest::text_to_image("a cat")).unwrap();
    assert_eq!(ticket.resolved()[0].seed, 1000);
    assert_eq!(finished(ticket).await[0].image, picture(1000, 128, 128));
}
