//! Programs that are killed while they hear of payments: at every call of the database in turn. What a payment service says is said again until
//! it is answered, and nobody gets anything twice for it, or nothing.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    sync::{Arc, atomic::AtomicI64},
};

use easel_outbound::{Client, Policy};
use easel_platform::{
    PlatformError,
    payments::{Heard, Payments, Provider, Signed, Wanted},
    plans::Interval,
};
use easel_testing::Database;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::{
    begins,
    child::{Mode, Orders, say},
    common::{Outcome, World, priced},
    points::Fall,
    start,
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// What everybody buys: a pack, one that is paid back, and a plan; with what is left of each in the end.
const BOUGHT: [(&str, i64); 3] = [("kept", 100), ("returned", 0), ("plan", 300)];

fn wanted(what: &str) -> Wanted<'static> {
    match what {
        "kept" => Wanted::Pack("credits-100"),
        "returned" => Wanted::Pack("credits-500"),
        _ => Wanted::Plan("basic", Interval::Month),
    }
}

fn payments(world: &World) -> Outcome<Payments> {
    let provider = Provider::External { checkout_url: "https://pay.example/".to_owned(), secret: SECRET.to_owned().into() };
    let client = Client::new(Policy::default())?;
    Ok(Payments::new(world.context.clone(), priced(), provider, client, "https://easel.example")?)
}

async fn tell(payments: &Payments, world: &World, id: &str, event: &Value) -> Result<Heard, PlatformError> {
    let (body, seconds) = (event.to_string(), world.context.now().0 / 1_000_000);
    let signature = Webhook::new(SECRET).expect("a secret").sign(id, seconds, body.as_bytes()).expect("a signature");
    let time = seconds.to_string();
    let signed = Signed { id: Some(id), timestamp: Some(&time), signature: Some(&signature), ..Signed::default() };
    payments.hear("external", signed, body.as_bytes()).await
}

/// All that the service says of an order, in order.
async fn tell_all(payments: &Payments, world: &World, what: &str, id: &str, heard: fn(&str)) -> Result<(), PlatformError> {
    let cents = match what {
        "kept" => 499,
        "returned" => 1999,
        _ => 999,
    };
    let data = json!({"purchase_id": id, "reference": format!("ref-{id}"), "amount_cents": cents, "currency": "usd"});
    tell(payments, world, &format!("paid-{id}"), &json!({"type": "purchase.paid", "data": data})).await?;
    heard(&format!("paid {id}"));
    if what == "returned" {
        let refund = json!({"type": "purchase.refunded", "data": {"purchase_id": id}});
        tell(payments, world, &format!("refunded-{id}"), &refund).await?;
        heard(&format!("refunded {id}"));
    }
    Ok(())
}

/// Three orders and what is told of them; ends at the database's `from`-th point.
pub async fn pay(world: World, orders: &Orders) -> Outcome {
    let world = world.with_faults(Arc::new(Fall(AtomicI64::new(i64::try_from(orders.from)?))), &orders.dir)?;
    let (payments, user) = (payments(&world)?, world.accounts.get(&orders.user_id).await?);
    for (what, _) in BOUGHT {
        let id = payments.order(&user, wanted(what)).await?.purchase.id;
        say(&format!("{what} {id}"));
        tell_all(&payments, &world, what, &id, say).await?;
    }
    Ok(())
}

pub async fn killed_while_paid(database: &Database) -> Outcome {
    let world = World::open(database).await?;
    // Of each person: what they ordered by what they were answered. Of each order: what its payment service was.
    let (mut people, mut answered) = (Vec::new(), BTreeMap::new());
    let mut points = 0;
    for generation in 1.. {
        let user = world.user(&format!("payer{generation}"), 0).await?;
        let mut child = start(&Orders::new(database, &user.id, Mode::Pay, generation, generation - 1))?;
        let mut ordered = Vec::new();
        for line in BufReader::new(child.stdout.take().ok_or("a pipe")?).lines().map_while(Result::ok) {
            let (word, id) = line.split_once(' ').ok_or("a line")?;
            match word {
                "paid" | "refunded" => answered.insert(id.to_owned(), word.to_owned()).map_or((), drop),
                what => ordered.push((what.to_owned(), id.to_owned())),
            }
        }
        people.push((user.id, ordered));
        let status = child.wait()?;
        if status.success() {
            break;
        }
        assert_eq!(status.signal(), Some(9), "point {points}: {status}");
        points += 1;
    }
    assert!(points > 60, "{points} points");
    world.clock.advance(world.context.now().until(begins(points + 20)));
    let payments = payments(&world)?;
    let (mut orders, mut lost) = (0, 0);
    for (user_id, ordered) in &people {
        let known = payments.of(user_id, None, 10).await?;
        for (_, id) in ordered {
            let purchase = known.iter().find(|purchase| purchase.id == *id).ok_or("an order that was answered is lost")?;
            match answered.get(id).map(String::as_str) {
                Some("refunded") => assert_eq!(purchase.state, "refunded", "{id}"),
                Some(_) => assert!(["paid", "refunded"].contains(&purchase.state.as_str()), "{id}: {}", purchase.state),
                None => lost += 1,
            }
        }
        // Nobody knows what the dead one heard: the service says everything again, and twice.
        for _ in 0..2 {
            for (what, id) in ordered {
                tell_all(&payments, &world, what, id, |_| {}).await?;
            }
        }
        let bought: i64 = BOUGHT.iter().filter(|(what, _)| ordered.iter().any(|(of, _)| of == what)).map(|(_, left)| left).sum();
        assert_eq!(world.balance(user_id).await?, (100 + bought, 0), "{user_id}: {ordered:?}");
        orders += ordered.len();
    }
    assert!(lost > 0 && answered.values().any(|last| last == "refunded"), "it was killed before, between and after");
    world.deliver_events().await?;
    world.assert_clean().await?;
    println!("{}: killed at {points} points of {orders} orders, {lost} payments were told of to nobody", database.engine());
    Ok(())
}
