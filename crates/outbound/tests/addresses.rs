//! The sixty addresses that other servers have been led to. None may cost a connection to anything internal.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod common;
#[path = "common/sixty.rs"]
mod sixty;

use common::{Names, Server, client, policy, text};
use easel_outbound::{OutboundError, Reason, Request};
use sixty::{ADDRESSES, HOSTS, Refused, RefusedByName};

// 58 is a name that changes its answer, 59 and 60 are redirects, with a proxy set: `redirects.rs`.

#[tokio::test]
async fn none_of_the_addresses_costs_a_connection() {
    // On every address of this machine, so that a connection to any of them would be counted.
    let canary = Server::plain("0.0.0.0:0").await;
    let canary6 = Server::plain(&format!("[::1]:{}", canary.port())).await;
    let names = Names::new(&[
        ("127.0.0.1.nip.io", &[&["127.0.0.1"]]),
        ("mixed.example.com", &[&["93.184.216.34", "127.0.0.1"]]),
        ("metadata.google.internal", &[&["127.0.0.1"]]),
        ("localhost", &[&["127.0.0.1"]]),
        ("foo.localhost", &[&["127.0.0.1"]]),
    ]);
    let client = client(policy(&[canary.port()], &[]), &names);
    let hosts = HOSTS.iter().map(|(host, wanted)| (format!("http://{host}:{}/", canary.port()), *wanted));
    let whole = ADDRESSES.iter().map(|(url, wanted)| (url.replace("PORT", &canary.port().to_string()), *wanted));
    let cases: Vec<_> = hosts.chain(whole).collect();
    assert_eq!(cases.len(), 57);
    for (url, wanted) in cases {
        let asked = names.asked();
        let sent = client.send(Request::get(&url)).await.map(|response| response.body);
        let fetched = client.fetch_image(&url).await.map(|image| image.bytes);
        let hook = client.send(Request::post_json(&url, "{}".into())).await.map(|response| response.body);
        for result in [sent, fetched, hook] {
            let Err(OutboundError::NotAllowed(reason)) = result else { panic!("{url}: {result:?}") };
            match wanted {
                Refused(reasons) => {
                    assert!(reasons.contains(&reason), "{url}: {reason:?}");
                    assert_eq!(names.asked(), asked, "{url} was resolved");
                }
                RefusedByName => assert_eq!(reason, Reason::InternalAddress, "{url}"),
            }
        }
        assert_eq!(client.check(&url).is_err(), matches!(wanted, Refused(_)), "{url}");
    }
    assert_eq!(canary.connections() + canary6.connections(), 0);
}

/// The canary is no stuffed bird: with leave from the operator the same client reaches it by the same ways.
#[tokio::test]
async fn what_the_operator_allows_is_reached() {
    let canary = Server::start("127.0.0.1:0", |_| text("here")).await;
    let port = canary.port();
    let names = Names::new(&[("gpu-box", &[&["127.0.0.1"]]), ("box.example.com", &[&["127.0.0.1"]])]);
    let by_name = client(policy(&[], &[format!("gpu-box:{port}"), format!("127.0.0.1:{port}")]), &names);
    let mut networks = policy(&[port], &[]);
    networks.internal_networks = vec!["127.0.0.0/8".parse().unwrap()];
    let by_network = client(networks, &names);
    for (client, host) in [
        (&by_name, "gpu-box"),
        (&by_name, "127.0.0.1"),
        (&by_name, "0x7f.1"),
        (&by_network, "box.example.com"),
        (&by_network, "127.0.0.1"),
    ] {
        let response =
            client.send(Request::get(format!("http://{host}:{port}/"))).await.unwrap_or_else(|e| panic!("{host}: {e}"));
        assert_eq!(&response.body[..], b"here");
    }
    assert_eq!(canary.connections(), 5);
    // By another port, or another name for the same place, it is as internal as ever.
    for url in [format!("http://gpu-box:{}/", port ^ 1), "http://gpu-box/".into(), format!("http://box.example.com:{port}/")] {
        assert!(matches!(by_name.send(Request::get(&url)).await, Err(OutboundError::NotAllowed(_))), "{url}");
    }
    assert_eq!(canary.connections(), 5);
}

#[tokio::test]
async fn a_name_is_judged_by_all_it_stands_for_before_anything_is_sent() {
    let canary = Server::plain("127.0.0.1:0").await;
    let names = Names::new(&[
        ("public.example.com", &[&["8.8.8.8", "2606:4700::1111"]]),
        ("inside.example.com", &[&["127.0.0.1"]]),
        ("mixed.example.com", &[&["8.8.8.8", "10.0.0.1"]]),
        ("nothing.example.com", &[&[]]),
    ]);
    let client = client(policy(&[canary.port()], &[]), &names);
    let check = async |host: &str| client.check_resolved(&format!("http://{host}:{}/", canary.port())).await;
    assert_eq!(check("public.example.com").await, Ok(()));
    for (host, error) in [
        ("inside.example.com", OutboundError::NotAllowed(Reason::InternalAddress)),
        ("mixed.example.com", OutboundError::NotAllowed(Reason::InternalAddress)),
        ("127.0.0.1", OutboundError::NotAllowed(Reason::InternalAddress)),
        ("nothing.example.com", OutboundError::Unreachable),
        ("unknown.example.com", OutboundError::Unreachable),
    ] {
        assert_eq!(check(host).await, Err(error), "{host}");
    }
    assert_eq!(canary.connections(), 0);
}
