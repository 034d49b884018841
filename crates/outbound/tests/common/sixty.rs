//! The addresses that other servers have been led to, for every test of a path that takes one.

use easel_outbound::Reason;

/// What must come of an address.
#[derive(Clone, Copy, Debug)]
pub enum Wanted {
    /// Refused for one of these reasons, unresolved.
    Refused(&'static [Reason]),
    /// Refused when its name is resolved.
    RefusedByName,
}
pub use Wanted::{Refused, RefusedByName};

const MALFORMED: Wanted = Refused(&[Reason::Malformed]);
const ADDRESS: Wanted = Refused(&[Reason::InternalAddress]);
const NAME: Wanted = Refused(&[Reason::InternalName]);
const SCHEME: Wanted = Refused(&[Reason::Scheme]);

/// Hosts on the canary's port.
pub const HOSTS: [(&str, Wanted); 45] = [
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
pub const ADDRESSES: [(&str, Wanted); 12] = [
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
