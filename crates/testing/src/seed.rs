//! Many people and pictures at once, written by the database itself: what lists are looked at over (`easel-store`) and measured with (`benches`).
//!
//! The same statements on both databases, and the same rows in every run: picture `i` is made in minute `i`, every second one is public, every
//! fourth of all with its prompt, every twentieth belongs to the first user (who has many), has a comment and is liked by three. What is kept as
//! a sum (likes, comments, followers) is right.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

/// How many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// People; at least a hundred, so that nobody follows anybody twice.
    pub users: i64,
    /// Pictures.
    pub images: i64,
}

/// The time of the first picture: 2026-01-01.
pub const SEEDED_FROM: i64 = 1_767_225_600_000_000;
/// Between two pictures.
pub const SEEDED_EVERY: i64 = 60_000_000;
/// The album of the first user, with up to a thousand pictures.
pub const SEEDED_ALBUM: &str = "01890000-0000-7000-a000-000000000000";
/// Rows of one statement.
const CHUNK: i64 = 20_000;
const USER: &str = "01890000-0000-7000-9000-";
const IMAGE: &str = "01890000-0000-7000-8000-";
const JOB: &str = "01890000-0000-7000-b000-";
const COMMENT: &str = "01890000-0000-7000-c000-";
const CASE: &str = "01890000-0000-7000-d000-";

/// The name of a seeded person.
pub fn seeded_user(number: i64) -> String {
    format!("{USER}{number:012}")
}

/// The name of a seeded picture.
pub fn seeded_image(number: i64) -> String {
    format!("{IMAGE}{number:012}")
}

/// Fills a database that has been migrated and is empty.
///
/// # Errors
/// What the database says.
pub async fn seed(url: &str, size: Size) -> Result<(), sqlx::Error> {
    let spread = name(USER, &format!("(CASE WHEN i % 20 = 0 THEN 0 ELSE (i * 7919) % {} END)", size.users));
    fill(url, people(size).into_iter().chain(pictures(&spread, size.images)).chain(around(size))).await
}

/// Gives somebody who is there so many pictures, of which every fiftieth is in the trash.
///
/// # Errors
/// What the database says.
pub async fn seed_gallery(url: &str, owner: &str, images: i64) -> Result<(), sqlx::Error> {
    fill(url, pictures(&format!("'{owner}'"), images).into_iter()).await
}

async fn fill(url: &str, tables: impl Iterator<Item = Rows>) -> Result<(), sqlx::Error> {
    let mut filling = if url.starts_with("sqlite:") {
        Filling::Sqlite(SqliteConnection::connect(url).await?)
    } else {
        Filling::Postgres(PgConnection::connect(url).await?)
    };
    for Rows { into, values, count } in tables {
        let mut low = 0;
        while low < count {
            let high = count.min(low + CHUNK) - 1;
            let numbers =
                format!("WITH RECURSIVE n (i) AS (SELECT CAST({low} AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < {high})");
            filling.run(format!("INSERT INTO {into} {numbers} {values}")).await?;
            low += CHUNK;
        }
    }
    match filling {
        // A file has no statistics in everyday life either.
        Filling::Sqlite(connection) => connection.close().await,
        Filling::Postgres(mut connection) => {
            connection.execute("VACUUM ANALYZE").await?;
            connection.close().await
        }
    }
}

enum Filling {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Filling {
    async fn run(&mut self, statement: String) -> Result<(), sqlx::Error> {
        let statement = AssertSqlSafe(statement);
        match self {
            Self::Sqlite(connection) => connection.execute(statement).await.map(|_| ()),
            Self::Postgres(connection) => connection.execute(statement).await.map(|_| ()),
        }
    }
}

/// What is written into a table: a query over `n`, which has the numbers from 0 to `count` in its column `i`, some at a time.
struct Rows {
    into: &'static str,
    values: String,
    count: i64,
}

/// A name: the prefix, and the number in twelve digits.
fn name(prefix: &str, number: &str) -> String {
    format!("'{prefix}' || substr('000000000000' || CAST({number} AS TEXT), length(CAST({number} AS TEXT)) + 1, 12)")
}

fn people(Size { users, .. }: Size) -> [Rows; 2] {
    let user = name(USER, "i");
    let followed = name(USER, &format!("((i + k * 7) % {users})"));
    [
        Rows {
            into: "users (id, email, username, role, plan, is_active, is_verified, auth_epoch, created_at, updated_at, follower_count, \
                   following_count)",
            values: format!(
                "SELECT {user}, 'user' || CAST(i AS TEXT) || '@example.org', 'user' || CAST(i AS TEXT), 'user', 'pro', TRUE, TRUE, 0, 0, 0, \
                 5, 5 FROM n"
            ),
            count: users,
        },
        Rows {
            into: "user_follows (follower_id, followed_id, created_at)",
            values: format!(
                "SELECT {user}, {followed}, i FROM n, \
                 (SELECT 1 AS k UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5) AS five"
            ),
            count: users,
        },
    ]
}

/// Jobs and pictures of whoever the expression names.
fn pictures(owner: &str, count: i64) -> [Rows; 2] {
    let (job, image) = (name(JOB, "i"), name(IMAGE, "i"));
    let made = format!("({SEEDED_FROM} + i * {SEEDED_EVERY})");
    let model = "'model' || CAST(i % 20 AS TEXT)";
    let prompt =
        "'a painting of colour' || CAST(i % 7 AS TEXT) || ' thing' || CAST(i % 1000 AS TEXT) || ' single' || CAST(i AS TEXT)";
    [
        Rows {
            into: "jobs (id, user_id, state, model, request, images_wanted, images_delivered, unit_price, priority, queue_order, not_before, \
                   queue_ends_at, attempt, attempts_max, cancel_requested, progress, created_at, finished_at)",
            values: format!(
                "SELECT {job}, {owner}, 'completed', {model}, '{{}}', 1, 1, 0, 0, 0, 0, 0, 1, 3, FALSE, 1000, {made}, {made} FROM n"
            ),
            count,
        },
        Rows {
            into: "images (id, job_id, job_index, user_id, storage_key, sha256, bytes, width, height, format, model, prompt, parameters, \
                   is_public, is_favourite, created_at, deleted_at, purge_at, sampler, mode, published_at, shows_prompt, hidden_at, like_count, \
                   comment_count, trend)",
            values: format!(
                "SELECT {image}, {job}, 0, {owner}, 'output/seeded/' || CAST(i AS TEXT) || '.png', 'none', 500000, 512 + 256 * (i % 3), 512, \
                 'png', {model}, {prompt}, '{{}}', i % 2 = 0, i % 10 = 3, {made}, CASE WHEN i % 50 = 49 THEN {made} END, \
                 CASE WHEN i % 50 = 49 THEN {made} * 2 END, 'sampler' || CAST(i % 5 AS TEXT), 'text_to_image', \
                 CASE WHEN i % 2 = 0 THEN {made} END, i % 4 = 0, CASE WHEN i % 1000 = 500 THEN {made} END, \
                 CASE WHEN i % 20 = 0 THEN 3 ELSE 0 END, CASE WHEN i % 20 = 0 THEN 1 ELSE 0 END, \
                 CASE WHEN i % 2 = 0 THEN {made} + (i % 1000) * 86400000 END FROM n"
            ),
            count,
        },
    ]
}

fn around(Size { users, images }: Size) -> [Rows; 7] {
    let image = name(IMAGE, "i");
    let liking = name(USER, &format!("((i + k * 17) % {users})"));
    let speaking = name(USER, &format!("((i + 3) % {users})"));
    let (first, comment, case) = (name(USER, "i"), name(COMMENT, "i"), name(CASE, "i"));
    let made = format!("{SEEDED_FROM} + i * {SEEDED_EVERY}");
    [
        Rows {
            into: "image_tags (image_id, tag)",
            values: format!(
                "SELECT {image}, 'tag' || CAST(i % 200 AS TEXT) FROM n WHERE i % 3 = 0 \
                 UNION ALL SELECT {image}, 'rare' FROM n WHERE i % 5000 = 0"
            ),
            count: images,
        },
        Rows {
            into: "image_likes (image_id, user_id, created_at)",
            values: format!(
                "SELECT {image}, {liking}, {made} FROM n, (SELECT 1 AS k UNION ALL SELECT 2 UNION ALL SELECT 3) AS three WHERE i % 20 = 0"
            ),
            count: images,
        },
        Rows {
            into: "image_comments (id, image_id, user_id, body, created_at)",
            values: format!("SELECT {comment}, {image}, {speaking}, 'a comment', {made} FROM n WHERE i % 20 = 0"),
            count: images,
        },
        Rows {
            into: "albums (id, user_id, title, created_at, updated_at)",
            values: format!("SELECT '{SEEDED_ALBUM}', {first}, 'an album', 0, 0 FROM n"),
            count: 1,
        },
        Rows {
            into: "album_images (album_id, image_id, added_at, position)",
            values: format!("SELECT '{SEEDED_ALBUM}', {image}, 0, i FROM n WHERE i % 20 = 0"),
            count: images.min(CHUNK),
        },
        Rows {
            into: "moderation_cases (id, target_kind, target_id, owner_id, state, category, report_count, queue_order, decision, opened_at)",
            values: format!(
                "SELECT {case}, 'image', {image}, {first}, CASE WHEN i % 100 = 0 THEN 'open' ELSE 'decided' END, 'spam', 0, {made}, \
                 CASE WHEN i % 100 = 0 THEN NULL ELSE 'approve' END, {made} FROM n WHERE i % 10 = 0"
            ),
            count: images,
        },
        Rows {
            into: "moderation_events (id, at, user_id, stage, category, decision, strikes)",
            values: format!("SELECT {case}, {made}, {first}, 'prompt', 'sexual', 'flag', 0 FROM n WHERE i % 10 = 0"),
            count: images,
        },
    ]
}
