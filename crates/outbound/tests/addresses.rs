//! The sixty addresses that other servers have been led to. None may cost a connection to anything internal.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod common;

use common::{Names, Server, client, policy, text};
use easel_outbound::{OutboundError, Reason, Request};

/// What must come of an address.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// Refused for one of these reasons, unresolved.
    Refused(&'static [Reason]),
    /// Refused when its name is resolved.
    RefusedByName,
}
use Wanted::{Refused, RefusedByName};

const MALFORMED: Wanted = Refused(&[Reason::Malformed]);
const ADDRESS: Wanted = Refused(&[Reason::InternalAddress]);
const NAME: Wanted = Refused(&[Reason::InternalName]);
const SCHEME: Wanted = Refused(&[Reason::Scheme]);

/// Hosts on the canary's port.
const HOSTS: [(&str, Wanted); 45] = [
    // Loopback.
    ("127.0.0.1", ADDRESS),
    ("127.1", ADDRESS),
    ("127.255.255.254", ADDRESS),
    ("0.0.0.0", ADDRESS),
    ("0", ADDRESS),
    ("localhost", NAME),
    ("LOCALHOST.", NAME),
    ("foo.localhost", NAME),
    // Other spellings.
    ("2130706433", ADDRESS),
    ("0x7f000001", ADDRESS),
    ("0x7f.1", ADDRESS),
    ("0177.0.0.1", ADDRESS),
    ("017700000001", ADDRESS),
    ("127。0。0。1", ADDRESS),
    ("①②⑦.⓪.⓪.①", ADDRESS),
    ("ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", NAME),
    ("169.254.43518", ADDRESS),
    ("2852039166", ADDRESS),
    // IPv6.
    ("[::1]", ADDRESS),
    ("[::]", ADDRESS),
    ("[::ffff:127.0.0.1]", ADDRESS),
    ("[::ffff:a9fe:a9fe]", ADDRESS),
    ("[::127.0.0.1]", ADDRESS),
    ("[64:ff9b::a9fe:a9fe]", ADDRESS),
    ("[2002:7f00:1::]", ADDRESS),
    ("[2001:0:4136:e378:8000:63bf:3fff:fdd2]", ADDRESS),
    ("[fe80::1]", ADDRESS),
    ("[fe80::1%25eth0]", MALFORMED),
    ("[fc00::1]", ADDRESS),
    ("[ff02::1]", ADDRESS),
    // Private and special.
    ("10.0.0.1", ADDRESS),
    ("172.16.0.1", ADDRESS),
    ("192.168.0.1", ADDRESS),
    ("100.64.0.1", ADDRESS),
    ("198.18.0.1", ADDRESS),
    ("192.0.0.8", ADDRESS),
    ("224.0.0.1", ADDRESS),
    ("255.255.255.255", ADDRESS),
    // Metadata of clouds.
    ("169.254.169.254", ADDRESS),
    ("169.254.169.254.", ADDRESS),
    ("[fd00:ec2::254]", ADDRESS),
    ("metadata.google.internal", NAME),
    ("100.100.100.200", ADDRESS),
    ("169.254.170.2", ADDRESS),
    ("192.0.0.192", ADDRESS),
];

/// Whole addresses; `PORT` is the canary's.
const ADDRESSES: [(&str, Wanted); 12] = [
    // What parsers read differently.
    ("http://a.com\\@169.254.169.254:PORT/", MALFORMED),
    ("http://169.254.169.254:PORT\\@a.com/", MALFORMED),
    ("http://a.com@169.254.169.254:PORT/", Refused(&[Reason::Credentials])),
    ("http://1.1.1.1:PORT &@2.2.2.2# @3.3.3.3/", MALFORMED),
    ("http:169.254.169.254:PORT/", MALFORMED),
    ("http://a.com%00.b.com:PORT/", MALFORMED),
    // Schemes and ports.
    ("file:///etc/passwd", SCHEME),
    ("gopher://127.0.0.1:6379/_x", SCHEME),
    ("http://example.com:22/", Refused(&[Reason::Port])),
    ("data:text/html,<script>", SCHEME),
    // Names.
    ("http://127.0.0.1.nip.io:PORT/", RefusedByName),
    ("http://mixed.example.com:PORT/", RefusedByName),
];
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
