//! Logging in at somebody else's: who gets in, and who does not whatever they try.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use easel_imaging::{EncodeOptions, Format, encode};
use easel_oidc::{ClientSecret, Provider, Settings};
use easel_outbound::{Client, Limits, Policy};
use easel_platform::{
    PlatformError,
    accounts::{Legal, Origin, Profile, Published},
    images::{Images, UploadLimits},
    keyring::Keyring,
    sign_in::{Callback, Entered, Offered, SignIn, SignInError},
};
use easel_testing::on_both_engines;
use easel_types::Rgb8;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    common::{Outcome, START, World, job_for},
    identity_provider::{CLIENT, IdentityProvider, Key, SECRET, Signing},
    webhooks::client,
};

const NOW: i64 = START.0 / 1_000_000;
const HOUR: Duration = Duration::from_secs(3600);

struct Setting {
    world: World,
    provider: IdentityProvider,
    other: IdentityProvider,
    sign_in: SignIn,
}

/// Two providers, both of which vouch for addresses; `auto` links accounts by them.
async fn setting(database: &easel_testing::Database, key: Key) -> Outcome<Setting> {
    let (provider, other) = (IdentityProvider::start(key, NOW).await, IdentityProvider::start(Key::ec(), NOW).await);
    let world = World::open(database).await?;
    let client = client(&[&provider.receiver, &other.receiver]);
    let offered = |idp: &IdentityProvider, email_trusted, link_by_email| {
        let secret = Some(ClientSecret::new(SECRET));
        let settings = Settings { client_secret: secret, email_trusted, ..Settings::new(idp.issuer(), CLIENT) };
        Offered { title: "Test".to_owned(), provider: Provider::new(settings, client.clone()), link_by_email }
    };
    let all = BTreeMap::from([
        ("main".to_owned(), offered(&provider, true, false)),
        ("auto".to_owned(), offered(&other, true, true)),
        ("distrusted".to_owned(), offered(&provider, false, true)),
    ]);
    let ring = Keyring::generate(&*world.context.secrets);
    let sign_in = SignIn::new(world.context.clone(), world.accounts.clone(), ring, all, "https://easel.example/callback");
    Ok(Setting { world, provider, other, sign_in })
}

impl Setting {
    fn at(&self, name: &str) -> &IdentityProvider {
        if name == "auto" { &self.other } else { &self.provider }
    }

    /// All the way, as `user` if somebody is logged in.
    async fn go(&self, name: &str, user: Option<&str>) -> Result<Entered, PlatformError> {
        let begun = self.sign_in.begin(name, user, "/gallery").await?;
        let (state, code) = self.at(name).visit(&begun.url);
        let callback = Callback { state: &state, code: Some(&code), browser: &begun.browser, ..Callback::default() };
        self.sign_in.finish(name, callback, user, Origin::default()).await
    }

    async fn users(&self) -> Outcome<usize> {
        Ok(easel_store::users::list(&self.world.context.db, None, 100).await?.len())
    }
}

/// A picture in one colour, as a file.
fn picture(shade: u8) -> Vec<u8> {
    let picture = Rgb8::new(64, 48, vec![shade; 64 * 48 * Rgb8::CHANNELS]).expect("three bytes a pixel");
    encode(&picture, &EncodeOptions::new(Format::Png)).expect("a file")
}

/// A server of one picture, which a test exchanges.
async fn shows(shown: Arc<Mutex<Vec<u8>>>) -> Outcome<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let body = shown.lock().expect("nobody panics").clone();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let mut request = [0; 4096];
            // Whether the client is still there is its own affair.
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
        }
    });
    Ok(address)
}

fn code(result: Result<Entered, PlatformError>) -> &'static str {
    match result {
        Ok(_) => "entered",
        Err(error) => error.code(),
    }
}

on_both_engines! {
    async fn a_newcomer_gets_an_account_and_comes_back_to_it(database: &Database) {
        for key in [Key::rsa(), Key::ec()] {
            let name = if matches!(key, Key::Rsa(_)) { "rsa" } else { "ec" };
            let database = easel_testing::Database::migrated(database.engine()).await?;
            let setting = setting(&database, key).await?;
            let entered = setting.go("main", None).await?;
            assert_eq!((entered.user.email.as_str(), entered.user.is_verified), ("ada@example.org", true), "{name}");
            assert_eq!((entered.user.full_name.as_deref(), entered.return_to.as_str()), (Some("Ada Lovelace"), "/gallery"));
            let tokens = entered.tokens.ok_or("tokens")?;
            assert_eq!(setting.world.accounts.authenticate(&tokens.access).await?.user.id, entered.user.id);
            // Nobody has shown them the operator's papers: they are asked at their first order.
            let terms = Some(Published { version: "t1".to_owned(), url: None });
            let legal = Legal { terms, privacy: None };
            let refused = setting.world.jobs.clone().with_legal(legal).submit(job_for(&entered.user.id, 1)).await;
            assert!(matches!(&refused, Err(error) if error.code() == "consent_required"), "{refused:?}");
            // Their address at the provider is another now; who they are is not.
            setting.provider.change(|provider| provider.claims["email"] = "new@example.org".into());
            let again = setting.go("main", None).await?;
            assert_eq!((again.user.id.as_str(), again.user.email.as_str()), (entered.user.id.as_str(), "ada@example.org"));
            let known = setting.sign_in.identities(&entered.user.id).await?.remove(0);
            assert_eq!((known.email.as_deref(), known.name.as_deref()), (Some("new@example.org"), Some("Ada Lovelace")));
            // Their name follows the provider's, until they choose one here.
            setting.provider.change(|provider| provider.claims["name"] = "Ada King".into());
            assert_eq!(setting.go("main", None).await?.user.full_name.as_deref(), Some("Ada King"));
            let own = Profile { username: None, full_name: Some("Countess"), locale: None };
            setting.world.accounts.change_profile(&entered.user.id, own).await?;
            setting.provider.change(|provider| provider.claims["name"] = "Ada Byron".into());
            assert_eq!(setting.go("main", None).await?.user.full_name.as_deref(), Some("Countess"));
            assert_eq!(setting.world.accounts.get(&entered.user.id).await?.full_name.as_deref(), Some("Countess"));
            assert_eq!(setting.users().await?, 1);
            setting.world.assert_clean().await?;
        }
    }

    async fn a_picture_follows_the_providers_until_another_is_chosen_here(database: &Database) {
        let setting = setting(database, Key::ec()).await?;
        let (world, shown) = (&setting.world, Arc::new(Mutex::new(picture(200))));
        let show = |shade: u8| *shown.lock().expect("nobody panics") = picture(shade);
        let address = shows(Arc::clone(&shown)).await?;
        let images = Images::new(world.context.clone(), world.catalogue.clone(), world.blobs.clone(), UploadLimits::default());
        // The machine may be busy; what is tested is what comes, not when.
        let limits = Limits { connect: HOUR, first_byte: HOUR, idle: HOUR, total: HOUR, ..Limits::default() };
        let policy = Policy { internal_hosts: vec![address.to_string().parse()?], limits, ..Policy::default() };
        let following = setting.sign_in.clone().with_pictures(images.clone(), Client::new(policy)?);
        setting.provider.change(|provider| provider.claims["picture"] = format!("http://{address}/ada.png").into());
        let go = async || -> Outcome<Option<String>> {
            let entered = setting.go("main", None).await?;
            if let Some(picture) = &entered.picture {
                following.take_over(picture).await?;
            }
            Ok(world.accounts.get(&entered.user.id).await?.avatar_key)
        };
        let first = go().await?;
        assert!(first.is_some(), "whoever is new has it at once");
        assert_eq!(go().await?, first, "the same is not written again");
        show(20);
        let second = go().await?;
        assert!(second.is_some() && second != first, "another there is another here");
        // Chosen here.
        let ada = setting.go("main", None).await?.user;
        images.set_avatar(&ada.id, picture(90).into()).await?;
        let own = world.accounts.get(&ada.id).await?.avatar_key;
        show(30);
        assert!(own.is_some() && own != second);
        assert_eq!(go().await?, own);
        images.remove_avatar(&ada.id).await?;
        assert_eq!(go().await?, None, "who wants none has none");
        // One that was fetched while its owner chose is not taken.
        setting.provider.change(|provider| {
            provider.claims["sub"] = "5678".into();
            provider.claims["email"] = "mary@example.org".into();
        });
        let entered = setting.go("main", None).await?;
        let theirs = entered.picture.ok_or("a picture")?;
        images.set_avatar(&entered.user.id, picture(90).into()).await?;
        let own = world.accounts.get(&entered.user.id).await?.avatar_key;
        following.take_over(&theirs).await?;
        assert_eq!(world.accounts.get(&entered.user.id).await?.avatar_key, own);
        // An account that somebody has made themselves is given none.
        let grace = world.user("grace", 0).await?;
        setting.provider.change(|provider| provider.claims["sub"] = "9".into());
        setting.go("main", Some(&grace.id)).await?;
        let entered = setting.go("main", None).await?;
        assert_eq!((entered.user.id, entered.picture), (grace.id, None));
        // No picture leads inside.
        setting.provider.change(|provider| {
            provider.claims["sub"] = "10".into();
            provider.claims["email"] = "joan@example.org".into();
            provider.claims["picture"] = "http://169.254.169.254/latest".into();
        });
        let inside = setting.go("main", None).await?.picture.ok_or("a picture")?;
        let refused = following.take_over(&inside).await;
        assert!(matches!(&refused, Err(error) if error.code() == "url_not_allowed"), "{refused:?}");
        world.assert_clean().await?;
    }

    async fn a_login_is_one_browsers_once_and_in_time(database: &Database) {
        let setting = setting(database, Key::ec()).await?;
        let sign_in = &setting.sign_in;
        let finish = async |name: &str, callback: Callback<'_>, user: Option<&str>| {
            code(sign_in.finish(name, callback, user, Origin::default()).await)
        };
        let begin = async |user: Option<&str>| -> Outcome<(String, String, String)> {
            let begun = sign_in.begin("main", user, "/").await?;
            let (state, code) = setting.provider.visit(&begun.url);
            Ok((state, code, begun.browser))
        };
        // Another browser, and then the right one: too late, the login is over.
        let (state, of_ada, browser) = begin(None).await?;
        let right = Callback { state: &state, code: Some(&of_ada), browser: &browser, ..Callback::default() };
        assert_eq!(finish("main", Callback { browser: "eb_other", ..right }, None).await, "sign_in_state");
        assert_eq!(finish("main", right, None).await, "sign_in_state");
        // A state that never was; another provider's way back; too late; no code; the person said no.
        assert_eq!(finish("main", Callback { state: "es_made-up", ..right }, None).await, "sign_in_state");
        let (state, of_ada, browser) = begin(None).await?;
        let right = Callback { state: &state, code: Some(&of_ada), browser: &browser, ..Callback::default() };
        assert_eq!(finish("auto", right, None).await, "sign_in_state");
        let (state, of_ada, browser) = begin(None).await?;
        let right = Callback { state: &state, code: Some(&of_ada), browser: &browser, ..Callback::default() };
        setting.world.clock.advance(Duration::from_secs(600));
        assert_eq!(finish("main", right, None).await, "sign_in_state");
        for refused in [true, false] {
            let (state, of_ada, browser) = begin(None).await?;
            let (code, error) = if refused { (Some(of_ada.as_str()), Some("access_denied")) } else { (None, None) };
            let callback = Callback { state: &state, code, error, browser: &browser, ..Callback::default() };
            assert_eq!(finish("main", callback, None).await, "sign_in_refused");
        }
        // A code that was used, and one of another login: its verifier is not ours.
        let (first, used, browser) = begin(None).await?;
        let right = Callback { state: &first, code: Some(&used), browser: &browser, ..Callback::default() };
        setting.provider.change(|provider| provider.now += 600);
        assert_eq!(finish("main", right, None).await, "entered");
        let (second, fresh, browser) = begin(None).await?;
        let replayed = Callback { state: &second, code: Some(&used), browser: &browser, ..Callback::default() };
        assert_eq!(finish("main", replayed, None).await, "sign_in_provider");
        let (third, _, browser) = begin(None).await?;
        let injected = Callback { state: &third, code: Some(&fresh), browser: &browser, ..Callback::default() };
        assert_eq!(finish("main", injected, None).await, "sign_in_provider");
        // Begun by somebody who is logged in, ended by nobody or somebody else.
        let ada = setting.world.user("grace", 0).await?;
        for user in [None, Some("somebody else")] {
            let (state, of_ada, browser) = begin(Some(&ada.id)).await?;
            let callback = Callback { state: &state, code: Some(&of_ada), browser: &browser, ..Callback::default() };
            assert_eq!(finish("main", callback, user).await, "sign_in_state");
        }
        assert!(sign_in.begin("main", None, "https://evil.example/").await.is_err());
    }

    async fn no_token_is_believed_that_is_not_right(database: &Database) {
        let setting = setting(database, Key::rsa()).await?;
        let (right, stranger) = (setting.provider.behaviour.lock().expect("nobody panics").signing.clone(), Arc::new(Key::rsa()));
        let Signing::By(key, _) = &right else { return Err("a key".into()) };
        for (what, signing) in [
            ("unsigned", Signing::None),
            ("HMAC under the public key", Signing::Hmac(key.public())),
            ("HMAC under our secret", Signing::Hmac(SECRET.into())),
            ("HMAC under nothing", Signing::Hmac(Vec::new())),
            ("a stranger's key under a known name", Signing::By(stranger.clone(), "k1".to_owned())),
            ("a stranger's key", Signing::By(stranger.clone(), "k9".to_owned())),
            ("a key that it brings along", Signing::Embedded(stranger.clone())),
            ("a key of another kind under a known name", Signing::By(Arc::new(Key::ec()), "k1".to_owned())),
        ] {
            setting.provider.change(|provider| provider.signing = signing);
            assert_eq!(code(setting.go("main", None).await), "sign_in_provider", "{what}");
        }
        setting.provider.change(|provider| provider.signing = right);
        let claims = setting.provider.behaviour.lock().expect("nobody panics").claims.clone();
        for (name, value) in [
            ("iss", json!(setting.other.issuer())),
            ("iss", json!(format!("{}/", setting.provider.issuer()))),
            ("iss", json!(null)),
            ("aud", json!("another client")),
            ("aud", json!([CLIENT, "another client"])),
            ("aud", json!([])),
            ("exp", json!(NOW)),
            ("exp", json!("never")),
            ("exp", json!(null)),
            ("iat", json!(NOW + 3600)),
            ("nonce", json!("of another login")),
            ("nonce", json!(null)),
            ("sub", json!("")),
            ("sub", json!(null)),
        ] {
            setting.provider.change(|provider| provider.claims[name] = value.clone());
            assert_eq!(code(setting.go("main", None).await), "sign_in_provider", "{name} {value}");
            setting.provider.change(|provider| provider.claims = claims.clone());
        }
        assert_eq!(setting.users().await?, 0);
        assert_eq!(code(setting.go("main", None).await), "entered");
    }

    async fn another_issuers_way_back_is_refused(database: &Database) {
        let setting = setting(database, Key::ec()).await?;
        setting.provider.change(|provider| provider.names_issuer = true);
        let (honest, evil) = (setting.provider.issuer(), setting.other.issuer());
        for (issuer, outcome) in [(None, "sign_in_provider"), (Some(&evil), "sign_in_provider"), (Some(&honest), "entered")] {
            let begun = setting.sign_in.begin("main", None, "/").await?;
            let (state, of_ada) = setting.provider.visit(&begun.url);
            let issuer = issuer.map(String::as_str);
            let callback = Callback { state: &state, code: Some(&of_ada), issuer, browser: &begun.browser, error: None };
            assert_eq!(code(setting.sign_in.finish("main", callback, None, Origin::default()).await), outcome, "{issuer:?}");
        }
        let asked = setting.provider.receiver.received().into_iter().filter(|request| request.target == "/token").count();
        assert_eq!(asked, 1, "no code was given away");
    }

    async fn new_keys_are_found_and_not_asked_for_too_often(database: &Database) {
        let setting = setting(database, Key::rsa()).await?;
        let asked = || setting.provider.behaviour.lock().expect("nobody panics").keys_asked;
        assert_eq!((code(setting.go("main", None).await), asked()), ("entered", 1));
        assert_eq!((code(setting.go("main", None).await), asked()), ("entered", 1), "kept");
        let new = Arc::new(Key::ec());
        setting.provider.change(|provider| {
            provider.published.push((new.clone(), "k2".to_owned()));
            provider.signing = Signing::By(new.clone(), "k2".to_owned());
        });
        for _ in 0..5 {
            assert_eq!((code(setting.go("main", None).await), asked()), ("sign_in_provider", 1), "asked a moment ago");
        }
        setting.world.clock.advance(Duration::from_secs(30));
        assert_eq!((code(setting.go("main", None).await), asked()), ("entered", 2));
        // The old key is withdrawn and its tokens are refused, once the document is a day old at the latest.
        let old = setting.provider.behaviour.lock().expect("nobody panics").published.remove(0);
        setting.provider.change(|provider| {
            provider.signing = Signing::By(old.0, old.1);
            provider.now += 24 * 3600;
        });
        setting.world.clock.advance(Duration::from_secs(24 * 3600));
        assert_eq!(code(setting.go("main", None).await), "sign_in_provider");
    }

    async fn nobody_gets_an_account_by_its_address(database: &Database) {
        let setting = setting(database, Key::ec()).await?;
        let world = &setting.world;
        // Somebody registered with the address and has not proved it, or has: either way it takes their password.
        let ada = world.user("ada", 0).await?;
        assert!(!ada.is_verified);
        for name in ["main", "auto", "distrusted"] {
            let expected = if name == "distrusted" { "sign_in_email_not_verified" } else { "sign_in_account_exists" };
            assert_eq!(code(setting.go(name, None).await), expected, "{name}");
        }
        let mut tx = world.context.db.begin().await?;
        assert!(easel_store::users::set_verified(&mut tx, &ada.id, world.context.now(), "ada@example.org").await?);
        tx.commit().await?;
        assert_eq!(code(setting.go("main", None).await), "sign_in_account_exists");
        // Where the operator wants it and both sides have proved the address; never for somebody with a role.
        setting.other.change(|provider| provider.claims["email_verified"] = false.into());
        assert_eq!(code(setting.go("auto", None).await), "sign_in_email_not_verified");
        setting.other.change(|provider| provider.claims["email_verified"] = json!(null));
        assert_eq!(code(setting.go("auto", None).await), "sign_in_email_not_verified");
        setting.other.change(|provider| provider.claims["email_verified"] = true.into());
        let mut tx = world.context.db.begin().await?;
        easel_store::users::set_role(&mut tx, &ada.id, world.context.now(), easel_store::users::Role::Moderator).await?;
        tx.commit().await?;
        assert_eq!(code(setting.go("auto", None).await), "sign_in_account_exists");
        let mut tx = world.context.db.begin().await?;
        easel_store::users::set_role(&mut tx, &ada.id, world.context.now(), easel_store::users::Role::User).await?;
        tx.commit().await?;
        assert_eq!(setting.go("auto", None).await?.user.id, ada.id);

        setting.other.change(|provider| provider.claims = json!({ "sub": "nobody" }));
        assert_eq!(code(setting.go("auto", None).await), "sign_in_no_email");
        setting.other.change(|provider| provider.claims = json!({ "sub": "b2c", "emails": ["b2c@example.org"], "email_verified": true }));
        assert_eq!(code(setting.go("auto", None).await), "sign_in_email_not_verified", "of which address?");
        assert_eq!(setting.users().await?, 1);
    }

    async fn a_way_in_is_linked_by_its_owner_and_belongs_to_one(database: &Database) {
        let setting = setting(database, Key::ec()).await?;
        let world = &setting.world;
        let (grace, bob) = (world.user("grace", 0).await?, world.user("bob", 0).await?);
        // The address does not matter: who is logged in does.
        setting.provider.change(|provider| provider.claims["email_verified"] = false.into());
        let linked = setting.go("main", Some(&grace.id)).await?;
        assert_eq!((linked.user.id.as_str(), linked.tokens), (grace.id.as_str(), None));
        assert_eq!(setting.go("main", None).await?.user.id, grace.id);
        assert_eq!(code(setting.go("main", Some(&grace.id)).await), "entered", "again changes nothing");
        assert_eq!(code(setting.go("main", Some(&bob.id)).await), "sign_in_linked_elsewhere");
        let identity = setting.sign_in.identities(&grace.id).await?.remove(0);
        let not_found = setting.sign_in.unlink(&bob.id, &identity.id).await;
        assert!(matches!(not_found, Err(PlatformError::NotFound(_))));
        setting.sign_in.unlink(&grace.id, &identity.id).await?;
        assert_eq!(code(setting.go("main", None).await), "sign_in_email_not_verified");

        // Whoever has no password keeps one.
        setting.provider.change(|provider| provider.claims["email_verified"] = true.into());
        let ada = setting.go("main", None).await?.user;
        let identity = setting.sign_in.identities(&ada.id).await?.remove(0);
        let last = setting.sign_in.unlink(&ada.id, &identity.id).await;
        assert!(matches!(last, Err(PlatformError::SignIn(SignInError::LastWay))));
        assert_eq!(setting.sign_in.identities(&ada.id).await?.len(), 1);

        // Who may not log in may not log in this way.
        let mut tx = world.context.db.begin().await?;
        easel_store::users::set_active(&mut tx, &ada.id, world.context.now(), false).await?;
        tx.commit().await?;
        assert_eq!(code(setting.go("main", None).await), "unauthenticated");
    }

    async fn a_provider_inside_is_not_reached(database: &Database) {
        let (world, canary) = (World::open(database).await?, IdentityProvider::start(Key::ec(), NOW).await);
        let provider = Provider::new(Settings::new(canary.issuer(), CLIENT), client(&[]));
        let offered = Offered { title: "Inside".to_owned(), provider, link_by_email: false };
        let ring = Keyring::generate(&*world.context.secrets);
        let all = BTreeMap::from([("inside".to_owned(), offered)]);
        let sign_in = SignIn::new(world.context.clone(), world.accounts.clone(), ring, all, "https://easel.example/callback");
        assert!(matches!(sign_in.begin("inside", None, "/").await, Err(PlatformError::SignIn(SignInError::Provider(_)))));
        assert_eq!(canary.receiver.connections(), 0);
    }
}
