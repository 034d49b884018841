//! Who is let in, for how long, and what ends it.

use std::time::Duration;

use crate::common::{Outcome, World, job_for};
use easel_platform::{
    PlatformError,
    accounts::{
        Accounts, Actor, Caps, Legal, NewKey, Origin, Paper, PasswordCost, Profile, Published, Registration, Scope, Settings,
    },
    jobs::NewJob,
    overview::{Overview, Seen},
};
use easel_store::{
    audit, mails,
    users::{Role, User},
};
use easel_testing::on_both_engines;

const HERE: Origin<'static> = Origin { ip: "192.0.2.1", user_agent: Some("test"), request_id: None };
const ELSEWHERE: Origin<'static> = Origin { ip: "192.0.2.2", ..HERE };
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The token of the newest mail with this subject.
async fn mailed_token(world: &World, subject: &str) -> Outcome<String> {
    let mails = mails::newest(&world.context.db, 10).await?;
    let mail = mails.iter().find(|mail| mail.subject == subject).ok_or("a mail")?;
    let (_, token) = mail.body.split_once("#token=").ok_or("a link")?;
    Ok(token.split_whitespace().next().ok_or("a token")?.to_owned())
}

pub fn is_unauthenticated<T>(result: &Result<T, PlatformError>) -> bool {
    matches!(result, Err(PlatformError::Unauthenticated))
}

on_both_engines! {
    async fn registering_gives_an_account_credits_and_a_mail(database: &Database) {
        let world = World::open(database).await?;
        let new = Registration { email: " Ada@Example.org ", password: "correct horse", ..Registration::default() };
        let user = world.accounts.register(new).await?;
        assert_eq!((user.email.as_str(), user.role, user.is_verified), ("ada@example.org", Role::User, false));
        assert_eq!(world.balance(&user.id).await?, (100, 0));
        let again = world.accounts.register(Registration { username: Some("other"), ..new }).await;
        assert!(matches!(again, Err(PlatformError::Taken("e-mail address"))), "{again:?}");
        let name = world.accounts.register(Registration { email: "b@example.org", username: Some(&user.username), ..new }).await;
        assert!(matches!(name, Err(PlatformError::Taken("user name"))), "{name:?}");
        for (what, bad) in [
            ("address", Registration { email: "ada", ..new }),
            ("short", Registration { email: "c@example.org", password: "short", ..new }),
            ("common", Registration { email: "c@example.org", password: "Password123", ..new }),
            ("own name", Registration { email: "caroline@example.org", password: "Caroline", ..new }),
            ("control", Registration { email: "c@example.org", full_name: Some("a\u{0}b"), ..new }),
        ] {
            assert!(matches!(world.accounts.register(bad).await, Err(PlatformError::Invalid { .. })), "{what}");
        }
        let token = mailed_token(&world, "Please prove your address").await?;
        world.accounts.verify_email(&token).await?;
        assert!(world.accounts.get(&user.id).await?.is_verified);
        assert!(matches!(world.accounts.verify_email(&token).await, Err(PlatformError::Token)), "good once");
        world.assert_clean().await?;
    }

    async fn only_the_right_password_lets_in(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        let (_, tokens) = world.accounts.login("ADA@example.org", "correct horse", HERE).await?;
        let entered = world.accounts.authenticate(&tokens.access).await?;
        assert_eq!((entered.user.id.as_str(), entered.scopes), (user.id.as_str(), None));
        for (email, password) in [("ada@example.org", "wrong horse"), ("nobody@example.org", "correct horse"), ("", ""), ("ada@example.org", "")] {
            assert!(is_unauthenticated(&world.accounts.login(email, password, ELSEWHERE).await), "{email} {password}");
        }
        for token in ["", "ea_x", tokens.refresh.as_str(), &tokens.access[..tokens.access.len() - 1]] {
            assert!(is_unauthenticated(&world.accounts.authenticate(token).await), "{token}");
        }
        assert!(is_unauthenticated(&world.accounts.refresh(&tokens.access).await), "an access token refreshes nothing");
        assert!(!format!("{tokens:?}").contains(&tokens.access), "tokens are not in logs");
        world.clock.advance(MINUTE * 15);
        assert!(is_unauthenticated(&world.accounts.authenticate(&tokens.access).await), "after a quarter of an hour");
    }

    async fn failures_cost_time_where_they_come_from(database: &Database) {
        let world = World::open(database).await?;
        world.user("ada", 0).await?;
        for _ in 0..5 {
            assert!(is_unauthenticated(&world.accounts.login("ada@example.org", "wrong horse", HERE).await));
        }
        let blocked = world.accounts.login("ada@example.org", "correct horse", HERE).await;
        assert!(matches!(blocked, Err(PlatformError::LoginBlocked { retry_after }) if retry_after == Duration::from_secs(30)), "{blocked:?}");
        world.accounts.login("ada@example.org", "correct horse", ELSEWHERE).await?;
        // Somebody who does not exist looks the same.
        for _ in 0..5 {
            assert!(is_unauthenticated(&world.accounts.login("nobody@example.org", "wrong horse", HERE).await));
        }
        assert!(matches!(world.accounts.login("nobody@example.org", "x", HERE).await, Err(PlatformError::LoginBlocked { .. })));
        world.clock.advance(Duration::from_secs(31));
        assert!(is_unauthenticated(&world.accounts.login("ada@example.org", "wrong horse", HERE).await));
        let blocked = world.accounts.login("ada@example.org", "correct horse", HERE).await;
        assert!(matches!(blocked, Err(PlatformError::LoginBlocked { retry_after }) if retry_after == MINUTE), "twice as long: {blocked:?}");
        world.clock.advance(MINUTE);
        world.accounts.login("ada@example.org", "correct horse", HERE).await?;
        for _ in 0..4 {
            assert!(is_unauthenticated(&world.accounts.login("ada@example.org", "wrong horse", HERE).await));
        }
        world.accounts.login("ada@example.org", "correct horse", HERE).await?;
    }

    async fn guessing_many_at_once_is_no_faster(database: &Database) {
        let world = World::open(database).await?;
        world.user("ada", 0).await?;
        let guesses: Vec<_> = (0..40).map(|guess| {
            let accounts = world.accounts.clone();
            tokio::spawn(async move { accounts.login("ada@example.org", &format!("wrong horse {guess}"), HERE).await })
        }).collect();
        let (mut looked_at, mut blocked) = (0, 0);
        for guess in guesses {
            match guess.await? {
                Err(PlatformError::Unauthenticated) => looked_at += 1,
                Err(PlatformError::LoginBlocked { .. }) => blocked += 1,
                other => return Err(format!("{other:?}").into()),
            }
        }
        assert_eq!((looked_at, blocked), (5, 35));
    }

    async fn a_refresh_token_that_comes_back_ends_the_session(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        let (_, first) = world.accounts.login("ada@example.org", "correct horse", HERE).await?;
        let (_, other) = world.accounts.login("ada@example.org", "correct horse", ELSEWHERE).await?;
        let second = world.accounts.refresh(&first.refresh).await?;
        assert!(is_unauthenticated(&world.accounts.authenticate(&first.access).await), "the old one is replaced");
        world.accounts.authenticate(&second.access).await?;
        assert!(is_unauthenticated(&world.accounts.refresh(&first.refresh).await));
        assert!(is_unauthenticated(&world.accounts.authenticate(&second.access).await), "the thief's, or the owner's: nobody knows");
        assert!(is_unauthenticated(&world.accounts.refresh(&second.refresh).await));
        world.accounts.authenticate(&other.access).await?;
        assert_eq!(world.accounts.sessions(&user).await?.len(), 1);
        let actions: Vec<_> = audit::list(&world.context.db, 0, 100).await?.into_iter().map(|record| record.action).collect();
        assert!(actions.contains(&"session.reuse".to_owned()), "{actions:?}");

        // Of many that exchange the same token at once, one gets new ones at most, and the session ends.
        let racing: Vec<_> = (0..6).map(|_| {
            let (accounts, refresh) = (world.accounts.clone(), other.refresh.clone());
            tokio::spawn(async move { accounts.refresh(&refresh).await })
        }).collect();
        let mut got = Vec::new();
        for one in racing {
            got.extend(one.await?.ok());
        }
        assert_eq!(got.len(), 1);
        assert!(is_unauthenticated(&world.accounts.authenticate(&got[0].access).await));
    }

    async fn sessions_end_by_themselves_and_by_hand(database: &Database) {
        let world = World::open(database).await?;
        world.user("ada", 0).await?;
        let (_, mut tokens) = world.accounts.login("ada@example.org", "correct horse", HERE).await?;
        world.accounts.logout(&tokens.access).await?;
        assert!(is_unauthenticated(&world.accounts.authenticate(&tokens.access).await));
        assert!(is_unauthenticated(&world.accounts.refresh(&tokens.refresh).await));

        (_, tokens) = world.accounts.login("ada@example.org", "correct horse", HERE).await?;
        let week = Duration::from_secs(7 * 24 * 3600);
        for _ in 0..12 {
            world.clock.advance(week - MINUTE);
            tokens = world.accounts.refresh(&tokens.refresh).await?;
        }
        world.clock.advance(week - MINUTE);
        assert!(is_unauthenticated(&world.accounts.refresh(&tokens.refresh).await), "after ninety days, however often it was refreshed");
        (_, tokens) = world.accounts.login("ada@example.org", "correct horse", HERE).await?;
        world.clock.advance(week);
        assert!(is_unauthenticated(&world.accounts.refresh(&tokens.refresh).await), "after a week without a word");
    }

    async fn what_changes_an_account_ends_every_session_and_key(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        world.accounts.set_plan(&Actor::operator(), &user.id, "pro", None).await?;
        let password = |round: usize| format!("correct horse {round}");
        let mut current = "correct horse".to_owned();
        for round in 0..4 {
            let (user, tokens) = world.accounts.login("ada@example.org", &current, HERE).await?;
            let key = world.accounts.create_key(&user, NewKey { name: "k", scopes: &[Scope::Generate], expires_at: None, caps: Caps::default() }).await?;
            world.accounts.authenticate_key(&key.text).await?;
            match round {
                0 => {
                    assert!(is_unauthenticated(&world.accounts.change_password(&user, "wrong horse", &password(0)).await));
                    world.accounts.change_password(&user, &current, &password(0)).await?;
                    // Who was let in before cannot change it again with what was true then.
                    assert!(is_unauthenticated(&world.accounts.change_password(&user, &current, &password(9)).await));
                    current = password(0);
                }
                1 => {
                    world.accounts.request_reset("ada@example.org").await?;
                    world.accounts.request_reset("nobody@example.org").await?;
                    let token = mailed_token(&world, "Choose a new password").await?;
                    assert!(matches!(world.accounts.reset_password(&token, "short").await, Err(PlatformError::Invalid { .. })));
                    world.accounts.reset_password(&token, &password(1)).await?;
                    assert!(matches!(world.accounts.reset_password(&token, &password(2)).await, Err(PlatformError::Token)));
                    current = password(1);
                }
                2 => world.accounts.set_role(&Actor::operator(), &user.id, Role::Moderator).await?,
                _ => {
                    world.accounts.set_active(&Actor::operator(), &user.id, false).await?;
                    assert!(is_unauthenticated(&world.accounts.login("ada@example.org", &current, ELSEWHERE).await));
                }
            }
            assert!(is_unauthenticated(&world.accounts.authenticate(&tokens.access).await), "round {round}");
            assert!(is_unauthenticated(&world.accounts.refresh(&tokens.refresh).await), "round {round}");
            assert!(is_unauthenticated(&world.accounts.authenticate_key(&key.text).await), "round {round}");
        }
        assert_eq!(audit::verify(&world.context.db).await?, None);
    }

    async fn a_profile_is_its_owners_and_names_are_nobody_elses(database: &Database) {
        let world = World::open(database).await?;
        let (ada, _) = (world.user("ada", 0).await?, world.user("bob", 0).await?);
        let changed = world.accounts.change_profile(&ada.id, Profile { username: Some("lovelace"), full_name: Some("Ada L."), locale: None }).await?;
        assert_eq!((changed.username.as_str(), changed.full_name.as_deref()), ("lovelace", Some("Ada L.")));
        let taken = world.accounts.change_profile(&ada.id, Profile { username: Some("bob"), ..Profile::default() }).await;
        assert!(matches!(taken, Err(PlatformError::Taken("user name"))), "{taken:?}");
        for bad in [Profile { username: Some("B b"), ..Profile::default() }, Profile { full_name: Some("a\u{7}"), ..Profile::default() }] {
            assert!(matches!(world.accounts.change_profile(&ada.id, bad).await, Err(PlatformError::Invalid { .. })), "{bad:?}");
        }
        let emptied = world.accounts.change_profile(&ada.id, Profile::default()).await?;
        assert_eq!((emptied.username.as_str(), emptied.full_name), ("lovelace", None));
    }

    async fn where_it_is_asked_for_an_address_is_proved_first(database: &Database) {
        let world = World::open(database).await?;
        let strict = Settings { verification_required: true, password_cost: PasswordCost { memory_kib: 8, passes: 1 }, ..Settings::default() };
        let accounts = Accounts::new(world.context.clone(), world.catalogue.clone(), strict)?;
        let user = world.user("ada", 0).await?;
        // However often: a right password is no failure.
        for _ in 0..8 {
            let refused = accounts.login("ada@example.org", "correct horse", HERE).await;
            assert!(matches!(refused, Err(PlatformError::Forbidden(_))), "{refused:?}");
        }
        let first = mailed_token(&world, "Please prove your address").await?;
        world.clock.advance(MINUTE);
        accounts.resend_verification(&user.id).await?;
        assert!(matches!(accounts.verify_email(&first).await, Err(PlatformError::Token)), "a newer one replaced it");
        accounts.verify_email(&mailed_token(&world, "Please prove your address").await?).await?;
        accounts.login("ada@example.org", "correct horse", HERE).await?;
    }

    async fn links_end(database: &Database) {
        let world = World::open(database).await?;
        world.user("ada", 0).await?;
        world.accounts.request_reset("ada@example.org").await?;
        let first = mailed_token(&world, "Choose a new password").await?;
        world.clock.advance(MINUTE);
        world.accounts.request_reset("ada@example.org").await?;
        let second = mailed_token(&world, "Choose a new password").await?;
        assert_ne!(first, second);
        assert!(matches!(world.accounts.reset_password(&first, "another horse").await, Err(PlatformError::Token)), "a newer one replaced it");
        assert!(matches!(world.accounts.verify_email(&second).await, Err(PlatformError::Token)), "it is for something else");
        world.clock.advance(MINUTE * 60);
        assert!(matches!(world.accounts.reset_password(&second, "another horse").await, Err(PlatformError::Token)), "after an hour");
    }

    async fn nobody_acts_on_their_own_rank_or_above(database: &Database) {
        let world = World::open(database).await?;
        let boss = world.accounts.create_superuser(Registration { email: "boss@example.org", password: "correct horse", ..Registration::default() }).await?;
        let mut people: Vec<User> = Vec::new();
        for role in Role::ALL {
            let user = world.user(&format!("{}-1", role.name()), 0).await?;
            world.accounts.set_role(&Actor::operator(), &user.id, *role).await?;
            people.push(world.accounts.get(&user.id).await?);
        }
        let targets: Vec<User> = {
            let mut targets = Vec::new();
            for role in Role::ALL {
                let user = world.user(&format!("{}-2", role.name()), 0).await?;
                world.accounts.set_role(&Actor::operator(), &user.id, *role).await?;
                targets.push(user);
            }
            targets
        };
        // (actor, target, new role): allowed for admins on what is below them, for superusers on everybody.
        for (rank, actor) in people.iter().enumerate() {
            for (of, target) in targets.iter().enumerate() {
                for (to, role) in Role::ALL.iter().enumerate() {
                    let allowed = rank == 3 || (rank == 2 && of < 2 && to < 2);
                    let done = world.accounts.set_role(&Actor::user(actor), &target.id, *role).await;
                    assert_eq!(done.is_ok(), allowed, "{:?} makes {:?} {role:?}: {done:?}", actor.role, Role::ALL[of]);
                    if allowed {
                        world.accounts.set_role(&Actor::operator(), &target.id, Role::ALL[of]).await?;
                    }
                }
                let allowed = rank == 3 || (rank == 2 && of < 2);
                assert_eq!(world.accounts.set_active(&Actor::user(actor), &target.id, true).await.is_ok(), allowed);
            }
            let own = world.accounts.set_role(&Actor::user(actor), &actor.id, Role::User).await;
            assert!(matches!(own, Err(PlatformError::Forbidden(_))), "{own:?}");
        }
        // The last superuser stays.
        for other in [&people[3].id, &targets[3].id] {
            world.accounts.set_active(&Actor::user(&boss), other, false).await?;
        }
        let last = world.accounts.set_role(&Actor::operator(), &boss.id, Role::Admin).await;
        assert!(matches!(last, Err(PlatformError::Forbidden("one superuser must be left"))), "{last:?}");
        let refused = world.desk.adjust(&Actor::user(&people[1]), &boss.id, easel_store::Credits(1), "k", "because").await;
        assert!(matches!(refused, Err(PlatformError::Forbidden(_))), "{refused:?}");
    }

    async fn without_passwords_identity_providers_alone_let_people_in(database: &Database) {
        let world = World::open(database).await?;
        world.user("ada", 0).await?;
        let cheap = PasswordCost { memory_kib: 8, passes: 1 };
        let settings = Settings { password_login: false, password_cost: cheap, ..Settings::default() };
        let accounts = Accounts::new(world.context.clone(), world.catalogue.clone(), settings)?;
        let is_off = |error: Option<PlatformError>| matches!(error, Some(PlatformError::Forbidden(why)) if why.contains("passwords"));
        assert!(is_off(accounts.login("ada@example.org", "correct horse", HERE).await.err()));
        let new = Registration { email: "eve@example.org", password: "correct horse", ..Registration::default() };
        assert!(is_off(accounts.register(new).await.err()));
        assert!(is_off(accounts.request_reset("ada@example.org").await.err()));
        assert!(is_off(accounts.reset_password("em_x", "another horse").await.err()));
        assert!(!accounts.takes_passwords() && world.accounts.takes_passwords());
        world.accounts.login("ada@example.org", "correct horse", HERE).await?;
    }

    async fn who_was_here_is_counted_by_the_day_and_by_the_month(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        for name in ["grace", "joan"] {
            world.user(name, 0).await?;
        }
        world.accounts.set_plan(&Actor::operator(), &ada.id, "pro", None).await?;
        let ada = world.accounts.get(&ada.id).await?;
        let new = NewKey { name: "laptop", scopes: &[Scope::Generate], expires_at: None, caps: Caps::default() };
        let key = world.accounts.create_key(&ada, new).await?;
        let overview = Overview::new(world.context.clone());
        assert_eq!(overview.seen().await?, Seen { day: 0, month: 0 }, "nobody has come yet");
        for origin in [HERE, ELSEWHERE] {
            world.accounts.login("ada@example.org", "correct horse", origin).await?;
        }
        world.accounts.login("grace@example.org", "correct horse", HERE).await?;
        assert_eq!(overview.seen().await?, Seen { day: 0, month: 0 }, "not counted anew within a minute");
        world.clock.advance(MINUTE);
        assert_eq!(overview.seen().await?, Seen { day: 2, month: 2 }, "each once");
        world.clock.advance(DAY);
        world.accounts.login("joan@example.org", "correct horse", HERE).await?;
        world.accounts.authenticate_key(&key.text).await?;
        assert_eq!(overview.seen().await?, Seen { day: 2, month: 3 }, "by a session and by a key");
        let text = overview.metrics().await?;
        assert!(text.contains("\nactive_users_24h 2\n") && text.ends_with("\nactive_users_30d 3\n"), "{text}");
        world.clock.advance(DAY * 29);
        assert_eq!(overview.seen().await?, Seen { day: 0, month: 2 });
    }

    async fn who_registers_agrees_to_the_terms_of_now(database: &Database) {
        let world = World::open(database).await?;
        let papers = |terms: &str| Legal {
            terms: Some(Published { version: terms.to_owned(), url: Some("https://easel.example/terms".to_owned()) }),
            privacy: Some(Published { version: "p1".to_owned(), url: None }),
        };
        let with = |legal: Legal| {
            let password_cost = PasswordCost { memory_kib: 8, passes: 1 };
            Accounts::new(world.context.clone(), world.catalogue.clone(), Settings { legal, password_cost, ..Settings::default() })
        };
        let accounts = with(papers("t1"))?;
        let ada = Registration { email: "ada@example.org", password: "correct horse", ..Registration::default() };
        let refused: [&[(Paper, &str)]; 4] = [
            &[],
            &[(Paper::Terms, "t1")],
            &[(Paper::Terms, "t0"), (Paper::Privacy, "p1")],
            &[(Paper::Terms, "t1"), (Paper::Terms, "t0"), (Paper::Privacy, "p1")],
        ];
        for accepted in refused {
            let result = accounts.register_agreeing(ada, accepted).await;
            assert!(matches!(result, Err(PlatformError::Invalid { field: "accept", .. })), "{accepted:?}");
        }
        assert!(accounts.register(ada).await.is_err(), "nobody agrees by saying nothing");
        let user = accounts.register_agreeing(ada, &[(Paper::Terms, "t1"), (Paper::Privacy, "p1")]).await?;
        let given = accounts.consents(&user.id).await?;
        assert_eq!((given.len(), accounts.legal().missing(&given)), (2, Vec::new()));
        assert!(world.privacy.document(&user.id).await?["consents"].to_string().contains("t1"));
        // Other words are asked for again, and the old ones stay on record.
        let accounts = with(papers("t2"))?;
        let missing: Vec<Paper> = accounts.legal().missing(&given).into_iter().map(|(paper, _)| paper).collect();
        assert_eq!(missing, [Paper::Terms]);
        let actor = Actor::user(&user);
        let old = accounts.agree(&actor, &[(Paper::Terms, "t1")]).await;
        assert!(matches!(old, Err(PlatformError::Invalid { field: "version", .. })), "{old:?}");
        for _ in 0..2 {
            accounts.agree(&actor, &[(Paper::Terms, "t2")]).await?;
        }
        let given = accounts.consents(&user.id).await?;
        assert_eq!((given.len(), accounts.legal().missing(&given)), (3, Vec::new()));
        // Until then nothing is ordered, and everything else is as before.
        let jobs = |terms| world.jobs.clone().with_legal(papers(terms));
        jobs("t2").submit(job_for(&user.id, 1)).await?;
        let before = world.balance(&user.id).await?;
        let keyed = NewJob { idempotency_key: Some("k"), ..job_for(&user.id, 1) };
        for new in [job_for(&user.id, 1), keyed] {
            let refused = jobs("t3").submit(new).await.expect_err("t3 is not agreed to");
            assert_eq!(refused.code(), "consent_required");
            let told = refused.to_string();
            assert!(told.contains("the terms of use (t3)") && told.contains("/users/me/consents") && !told.contains("privacy"), "{told}");
        }
        let waiting = jobs("t3").submit_to("w", job_for(&user.id, 1)).await;
        assert!(matches!(waiting, Err(PlatformError::ConsentRequired { .. })), "{waiting:?}");
        assert_eq!(world.balance(&user.id).await?, before, "what is refused sets nothing aside");
        assert!(world.privacy.document(&user.id).await?["jobs"].is_array());
        with(papers("t3"))?.agree(&actor, &[(Paper::Terms, "t3")]).await?;
        assert!(!jobs("t3").submit(keyed).await?.repeated, "the key was free");
        // What was taken before the terms changed is told again.
        assert!(jobs("t4").submit(keyed).await?.repeated);
        // Who was never asked, as those who come by an identity provider, has agreed to nothing yet.
        let bob = world.user("bob", 0).await?;
        let refused = jobs("t3").submit(job_for(&bob.id, 1)).await.expect_err("nothing is agreed to");
        assert!(refused.to_string().contains("the terms of use (t3) and the privacy policy (p1)"), "{refused}");
        with(papers("t3"))?.agree(&Actor::user(&bob), &[(Paper::Terms, "t3"), (Paper::Privacy, "p1")]).await?;
        jobs("t3").submit(job_for(&bob.id, 1)).await?;
        // This machine's own needs none: it is the operator.
        let local = accounts.local().await?;
        jobs("t9").submit(job_for(&local.id, 1)).await?;
        // Where there is nothing to agree to nobody is asked.
        let none = with(Legal::default())?;
        none.register(Registration { email: "eve@example.org", ..ada }).await?;
        world.assert_clean().await?;
    }
}
