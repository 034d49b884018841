//! The sixty addresses, on every path of this crate that takes one: a configuration, a file, where to ask, a redirect of each. None costs a
//! connection to anything internal.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod fakes;
#[path = "../../outbound/tests/common/sixty.rs"]
mod sixty;

use easel_outbound::OutboundError;
use easel_providers::{AccountError, Catalogue, FailureClass, Kind, Output, Owner, Polled, Submitted, TaskHandle, connect};
use fakes::{
    Fake, Reply,
    accounts::{account, attempt, fitted, hosts, order, registered},
    client,
    services::{TASK, accepted, polled},
};
use sixty::{ADDRESSES, HOSTS, Refused, RefusedByName};

/// All of them that a test without names of its own can ask for, on the canary's port.
fn addresses(port: u16) -> Vec<String> {
    let hosts = HOSTS.iter().map(|(host, _)| format!("http://{host}:{port}/a.png"));
    let whole = ADDRESSES.iter().map(|(url, _)| url.replace("PORT", &port.to_string()));
    // 58: a name that answers with an internal address when it is asked for. All names here do.
    let named = [format!("http://rebind.example.com:{port}/")];
    // 59 and 60 are redirects: below, and in `conformance.rs`.
    hosts.chain(whole).chain(named).collect()
}

#[tokio::test]
async fn no_file_is_fetched_from_them() {
    let canary = Fake::start(|_| Reply::png()).await;
    let addresses = addresses(canary.port());
    assert_eq!(addresses.len(), 58);
    for &kind in Kind::ALL {
        let (api, files) = hosts(kind);
        let provider = registered(&client(&[api, files], canary.port()), kind, canary.port()).provider;
        for url in &addresses {
            let failure = provider.fetch(&Output::At(url.clone())).await.unwrap_err();
            assert_eq!(failure.class, FailureClass::Garbage, "{kind}: {url}: {failure:?}");
            assert_eq!(failure.code.as_deref(), Some("address_not_allowed"), "{kind}: {url}");
        }
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn no_file_is_fetched_from_them_by_way_of_a_redirect() {
    let canary = Fake::start(|_| Reply::png()).await;
    for url in addresses(canary.port()) {
        let location = url.clone();
        let files = Fake::start(move |_| Reply::redirect(&location)).await;
        let (api, host) = hosts(Kind::Fal);
        let provider = registered(&client(&[api, host], files.port()), Kind::Fal, files.port()).provider;
        let at = Output::At(format!("http://{host}:{}/a.png", files.port()));
        let failure = provider.fetch(&at).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::Garbage, "{url}: {failure:?}");
        // Without slashes it is a path on the same host, as browsers read it, and leads in a circle.
        let is_path = url.starts_with("http:1");
        assert_eq!(failure.code.as_deref(), Some(if is_path { "redirected" } else { "address_not_allowed" }), "{url}");
        assert_eq!(files.connections(), if is_path { 4 } else { 1 }, "{url}");
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn nobody_is_asked_there_and_the_key_goes_nowhere_else() {
    let canary = Fake::start(|_| Reply::ok(polled(Kind::Bfl, "", false, ""))).await;
    let (api, files) = hosts(Kind::Bfl);
    let names = [api, files, "bfl.ai.example.com", "evil-bfl.ai"];
    let provider = registered(&client(&names, canary.port()), Kind::Bfl, canary.port()).provider;
    let elsewhere = ["bfl.ai.example.com", "evil-bfl.ai", "example.com"].map(|host| format!("http://{host}:{}/", canary.port()));
    let order = fitted(&registered(&client(&names, canary.port()), Kind::Bfl, canary.port()), &order(Kind::Bfl));
    let handle = |url: &str| TaskHandle {
        provider: Kind::Bfl.into(),
        kind: Kind::Bfl,
        key: attempt(Kind::Bfl).key,
        model: order.order.model.clone(),
        pictures: 1,
        id: TASK.into(),
        poll_url: Some(url.to_owned()),
    };
    for url in addresses(canary.port()).into_iter().chain(elsewhere) {
        let failure = provider.poll(&handle(&url)).await.unwrap_err();
        assert_eq!(failure.code.as_deref(), Some("address_not_allowed"), "{url}: {failure:?}");
    }
    assert_eq!(canary.connections(), 0);
    // The canary sings where it may.
    let good = format!("http://{api}:{}/v1/get_result?id={TASK}", canary.port());
    assert_eq!(provider.poll(&handle(&good)).await.unwrap(), Polled::Pending(Some(0.5)));
}

#[tokio::test]
async fn no_account_is_configured_there() {
    let canary = Fake::start(|_| Reply::ok(accepted(Kind::OpenaiCompatible, 1))).await;
    let client = client(&["gpu-box.example.com"], canary.port());
    for owner in [Owner::Operator, Owner::User] {
        let configured = |url: &str| {
            let account = easel_providers::Account { owner, ..account(Kind::OpenaiCompatible, url.to_owned()) };
            connect(&client, &Catalogue::shipped(), account)
        };
        let whole = HOSTS.iter().map(|(host, wanted)| (format!("http://{host}:{}/", canary.port()), *wanted));
        let whole = whole.chain(ADDRESSES.iter().map(|(url, wanted)| (url.replace("PORT", &canary.port().to_string()), *wanted)));
        for (url, wanted) in whole {
            match (configured(&url), wanted) {
                (Err(AccountError::Address(OutboundError::NotAllowed(_))), _) => {}
                // What only its name tells is refused when it is asked.
                (Ok(_), Refused(reasons)) => panic!("{url}: not refused for {reasons:?}"),
                (Ok(registered), RefusedByName) => {
                    let order = fitted(&registered, &order(Kind::OpenaiCompatible));
                    let failure = registered.provider.submit(&order, &attempt(Kind::OpenaiCompatible)).await.unwrap_err();
                    assert_eq!(failure.code.as_deref(), Some("address_not_allowed"), "{url}");
                }
                (Err(error), _) => panic!("{url}: {error:?}"),
            }
        }
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn what_the_operator_allows_is_not_allowed_to_a_user() {
    let server = Fake::start(|_| Reply::ok(accepted(Kind::OpenaiCompatible, 1))).await;
    let url = format!("http://gpu-box.example.com:{}/v1", server.port());
    let client = client(&["gpu-box.example.com"], server.port());
    for (owner, reached) in [(Owner::Operator, true), (Owner::User, false)] {
        let account = easel_providers::Account { owner, ..account(Kind::OpenaiCompatible, url.clone()) };
        let registered = connect(&client, &Catalogue::shipped(), account).unwrap();
        let order = fitted(&registered, &order(Kind::OpenaiCompatible));
        let outcome = registered.provider.submit(&order, &attempt(Kind::OpenaiCompatible)).await;
        assert_eq!(matches!(outcome, Ok(Submitted::Done(_))), reached, "{outcome:?}");
        // And an answer that names another of the operator's hosts is not followed there.
        let other = Output::At(format!("http://127.0.0.1:{}/a.png", server.port()));
        assert_eq!(registered.provider.fetch(&other).await.unwrap_err().code.as_deref(), Some("address_not_allowed"));
    }
    assert_eq!(server.connections(), 1);
}
