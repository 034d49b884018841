//! No list reads more than it shows: the plan of every list query is asked for, on both databases, over enough rows that a planner would rather
//! scan a table if it had to. What is wanted is that rows come out of an index in the list's own order, so that `LIMIT` ends the reading.

use easel_testing::{Database, SEEDED_ALBUM, SEEDED_FROM, Size, on_both_engines, seed, seeded_image, seeded_user};

use crate::{
    Db, Engine, Settings, Timestamp, albums, comments, follows, gallery,
    jobs::{self, JobState},
    likes, moderation,
    organizations::Among,
    public::{self, Which},
    query::{Query, query},
    search::{self, Words},
    strikes, tags, trash, users,
};

/// As where nobody is divided.
const ALL: Among = Among::Everybody;

/// `EASEL_TEST_PICTURES` sets how many pictures there are; people are a tenth, at least a hundred.
fn size() -> Size {
    let images = std::env::var("EASEL_TEST_PICTURES").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000);
    Size { users: (images / 10).max(100), images }
}

async fn seeded(database: &Database) -> Result<Db, Box<dyn std::error::Error>> {
    let db = Db::open(&Settings::new(database.url())).await?;
    db.migrate().await?;
    seed(database.url(), size()).await?;
    Ok(db)
}

/// What a plan says, and whether it may sort: lists of one person's things may, lists of everybody's may not.
async fn assert_good(name: &str, sorts: bool, query: Query<'_>) -> Result<(), Box<dyn std::error::Error>> {
    let plan = query.plan().await?;
    for line in &plan {
        // SQLite: SCAN without an index; an index in the list's order is `SCAN … USING INDEX`, which LIMIT ends. PostgreSQL: Seq Scan.
        let scans =
            (line.starts_with("SCAN") && !line.contains("INDEX") && !line.contains("CONSTANT") && !line.contains("VIRTUAL"))
                || line.contains("Seq Scan on images")
                || line.contains("Seq Scan on image_")
                || line.contains("Seq Scan on moderation_")
                || line.contains("Seq Scan on user_follows");
        assert!(!scans, "{name} reads a whole table:\n{}", plan.join("\n"));
        let sorted = line.contains("TEMP B-TREE FOR ORDER BY") || line.contains("Sort Key");
        assert!(sorts || !sorted, "{name} sorts:\n{}", plan.join("\n"));
    }
    Ok(())
}

on_both_engines! {
    async fn everybodys_lists_come_out_of_an_index_in_their_order(database: &Database) {
        let db = seeded(database).await?;
        let (user, image) = (seeded_user(0), seeded_image(9_000));
        let after = Some((SEEDED_FROM + 500_000_000_000, image.as_str()));
        for after in [None, after] {
            for which in [Which::Recent, Which::Trending, Which::OfUser(&user), Which::OfModel("model4"), Which::Tagged("tag6"), Which::Tagged("rare")] {
                assert_good(&format!("{which:?} {after:?}"), false, public::listing(&db, which, &ALL, after, 20)).await?;
            }
            // The few that are followed are put together.
            assert_good("followed", true, public::listing(&db, Which::OfFollowed(&user), &ALL, after, 20)).await?;
            let before = after.map(|(at, id)| (Timestamp(at), id));
            assert_good("comments", false, comments::listing(&db, &image, &ALL, before, 20)).await?;
            assert_good("queue", false, moderation::waiting(&db, &ALL, after, 20)).await?;
            // Those that wait are few, and may be sorted.
            for (state, sorts) in [(None, false), (Some(JobState::Completed), false), (Some(JobState::Queued), true)] {
                assert_good("jobs", sorts, jobs::everybodys_listing(&db, state, before, 20)).await?;
            }
            assert_good("findings", false, strikes::listing(&db, &ALL, before, 20)).await?;
        }
    }

    async fn an_organisations_lists_come_out_of_an_index_too(database: &Database) {
        let db = seeded(database).await?;
        let (user, image) = (seeded_user(0), seeded_image(9_000));
        let after = Some((SEEDED_FROM + 500_000_000_000, image.as_str()));
        let words = Words::of("painting").ok_or("words")?;
        // PostgreSQL knows how few there are in an organisation, and may sort them.
        let sorts = db.engine() == Engine::Postgres;
        for among in [Among::Organization(Some(seeded_user(1))), Among::Organization(None)] {
            for after in [None, after] {
                let before = after.map(|(at, id)| (Timestamp(at), id));
                for which in [Which::Recent, Which::Trending, Which::OfUser(&user), Which::OfModel("model4"), Which::Tagged("tag6")] {
                    assert_good(&format!("{which:?} {among:?} {after:?}"), sorts, public::listing(&db, which, &among, after, 20)).await?;
                }
                assert_good("followed", true, public::listing(&db, Which::OfFollowed(&user), &among, after, 20)).await?;
                assert_good("words", true, search::listing(&db, &words, &among, after.map(|(_, id)| id), 20)).await?;
                assert_good("likes", true, likes::listing(&db, &user, &among, before, 20)).await?;
                assert_good("followers", true, follows::followers_listing(&db, &user, &among, before, 20)).await?;
                assert_good("comments", sorts, comments::listing(&db, &image, &among, before, 20)).await?;
                // Of so few PostgreSQL may well read all.
                if db.engine() == Engine::Sqlite {
                    assert_good("queue", false, moderation::waiting(&db, &among, after, 20)).await?;
                    assert_good("findings", false, strikes::listing(&db, &among, before, 20)).await?;
                }
            }
        }
        // Everybody's are not read for the few of one organisation.
        if db.engine() == Engine::Sqlite {
            let among = Among::Organization(Some(seeded_user(1)));
            for (which, index) in [
                (Which::Recent, "images_recent_of_organization"),
                (Which::Trending, "images_trending_of_organization"),
                (Which::OfModel("model4"), "images_of_model_of_organization"),
            ] {
                let plan = public::listing(&db, which, &among, after, 20).plan().await?.join("\n");
                assert!(plan.contains(index), "{which:?}: {plan}");
            }
        }
    }

    async fn searches_read_what_they_find(database: &Database) {
        let db = seeded(database).await?;
        let words = |text| Words::of(text).ok_or("words");
        for text in ["painting", "thing44", "single9000", "painting colour3 thing444"] {
            for before in [None, Some(seeded_image(9_000))] {
                assert_good(text, true, search::listing(&db, &words(text)?, &ALL, before.as_deref(), 20)).await?;
                let before = before.as_deref().map(|id| (Timestamp(SEEDED_FROM + 500_000_000_000), id));
                let filter = gallery::Filter { words: Some(&words(text)?), before, ..gallery::Filter::default() };
                let sorts = db.engine() == Engine::Postgres;
                assert_good(text, sorts, gallery::listing(&db, &seeded_user(0), &filter, 20)).await?;
            }
        }
    }

    async fn a_search_goes_on_where_it_was_even_if_that_is_gone(database: &Database) {
        let db = seeded(database).await?;
        let owner = seeded_user(0);
        let words = Words::of("painting colour3").ok_or("words")?;
        let every = gallery::list(&db, &owner, &gallery::Filter::default(), 1_000_000).await?;
        let expected: Vec<String> = every.iter().filter(|image| image.prompt.contains("colour3")).map(|image| image.id.clone()).collect();
        assert!(expected.len() > 50, "{}", expected.len());
        let mut found: Vec<(Timestamp, String)> = Vec::new();
        loop {
            let before = found.last().map(|(at, id)| (*at, id.as_str()));
            let filter = gallery::Filter { words: Some(&words), before, ..gallery::Filter::default() };
            let page = gallery::list(&db, &owner, &filter, 20).await?;
            if page.is_empty() {
                break;
            }
            found.extend(page.into_iter().map(|image| (image.created_at, image.id)));
            if let Some((_, last)) = found.last().filter(|_| found.len() == 20) {
                let mut tx = db.begin().await?;
                query(&mut tx, "DELETE FROM images WHERE id = ").push_bind(last).run().await?;
                tx.commit().await?;
            }
        }
        let found: Vec<String> = found.into_iter().map(|(_, id)| id).collect();
        assert_eq!(found, expected);
    }

    async fn people_are_found_by_their_indexes(database: &Database) {
        let db = seeded(database).await?;
        let indexes = match db.engine() {
            Engine::Sqlite => ["(username>? AND username<?)", "(email>? AND email<?)"],
            Engine::Postgres => ["users_by_username", "users_by_email"],
        };
        for after in [None, Some(seeded_user(50))] {
            let plan = users::beginning_listing(&db, "user77", after.as_deref(), 20).plan().await?.join("\n");
            for index in indexes {
                assert!(plan.contains(index), "everybody is read for the few who are called so:\n{plan}");
            }
            let found = users::beginning(&db, "user77", after.as_deref(), 20).await?;
            assert!(!found.is_empty() && found.iter().all(|user| user.username.starts_with("user77")), "{found:?}");
            assert!(found.is_sorted_by_key(|user| user.id.clone()), "{found:?}");
        }
    }

    async fn ones_own_lists_read_ones_own_rows(database: &Database) {
        let db = seeded(database).await?;
        let (many, few, image) = (seeded_user(0), seeded_user(7), seeded_image(9_000));
        let before = Some((Timestamp(SEEDED_FROM + 500_000_000_000), image.as_str()));
        let plain = gallery::Filter::default();
        let filters = [
            plain,
            gallery::Filter { model: Some("model4"), ..plain },
            gallery::Filter { sampler: Some("sampler3"), mode: Some("text_to_image"), ..plain },
            gallery::Filter { width: (Some(512), Some(768)), height: (Some(512), None), ..plain },
            gallery::Filter { made: (Some(Timestamp(SEEDED_FROM)), Some(Timestamp(SEEDED_FROM * 2))), ..plain },
            gallery::Filter { is_favourite: Some(true), is_public: Some(false), ..plain },
            gallery::Filter { tag: Some("rare"), ..plain },
            gallery::Filter { album_id: Some(SEEDED_ALBUM), ..plain },
        ];
        // Of so few rows PostgreSQL takes whichever index is cheaper, and sorts what it finds.
        if db.engine() == Engine::Sqlite {
            for before in [None, before] {
                let filter = gallery::Filter { model: Some("model4"), before, ..plain };
                let plan = gallery::listing(&db, &many, &filter, 20).plan().await?.join("\n");
                assert!(plan.contains("images_by_user_and_model"), "all of somebody's pictures are read for the few of a model:\n{plan}");
            }
        }
        for user in [&many, &few] {
            for filter in filters {
                for before in [None, before] {
                    let filter = gallery::Filter { before, ..filter };
                    assert_good(&format!("{filter:?}"), true, gallery::listing(&db, user, &filter, 20)).await?;
                }
            }
            assert_good("trash", true, trash::listing(&db, user, before, 20)).await?;
            assert_good("to purge", true, trash::due(&db, Some(user), Timestamp::MAX, 20)).await?;
            assert_good("likes", true, likes::listing(&db, user, &ALL, before, 20)).await?;
            assert_good("follows", true, follows::following(&db, user, &ALL, "", 20)).await?;
            assert_good("followers", true, follows::followers_listing(&db, user, &ALL, before, 20)).await?;
        }
        // Of who has a twentieth of everything, all of it may well be read.
        assert_good("tags", true, tags::counting(&db, &few, 20)).await?;
        assert_good("all to purge", false, trash::due(&db, None, Timestamp(SEEDED_FROM), 20)).await?;
        assert_good("album", true, albums::in_order(&db, &many, SEEDED_ALBUM, Some((40, &image)), 20)).await?;
    }
}
