//! One query text and one body for both databases, over sqlx's native drivers.
//!
//! The bounds sit on the values and the rows, never on the database, so that callers write none. Only static text and numbered placeholders
//! get into a query: what people typed is always bound. (`AnyPool` would be sqlx's own answer; it cannot decode BOOLEAN on SQLite and
//! writes `?` where PostgreSQL wants `$1`.)

use std::fmt::Write;

use sqlx::{
    Arguments, AssertSqlSafe, Encode, Error, FromRow, PgConnection, Postgres, SqlSafeStr, SqlStr, Sqlite, SqliteConnection, Type,
    error::BoxDynError,
    postgres::{PgArguments, PgPool, PgQueryResult, PgRow},
    sqlite::{SqliteArguments, SqlitePool, SqliteQueryResult, SqliteRow},
};

use crate::{
    StoreError,
    faults::{Planned, Point},
    sql::Sql,
};

/// What both databases take.
pub(crate) trait Value<'t>: Encode<'t, Sqlite> + Encode<'t, Postgres> + Type<Sqlite> + Type<Postgres> {}
impl<'t, T> Value<'t> for T where T: Encode<'t, Sqlite> + Encode<'t, Postgres> + Type<Sqlite> + Type<Postgres> {}

/// What rows of both databases make.
pub(crate) trait Model: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<T> Model for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// Where a query runs, and what is to fail there.
pub(crate) struct On<'c> {
    pub(crate) place: Place<'c>,
    pub(crate) planned: Planned,
}

/// On any connection that reads, or in a transaction.
pub(crate) enum Place<'c> {
    SqlitePool(&'c SqlitePool),
    Sqlite(&'c mut SqliteConnection),
    PostgresPool(&'c PgPool),
    Postgres(&'c mut PgConnection),
}

enum Bound {
    Sqlite(SqliteArguments),
    Postgres(PgArguments),
}

enum Text {
    Static(&'static str),
    /// Static pieces and placeholders, put together by [`Query::push`] and its kin.
    Built(String),
}

/// A query being made.
pub(crate) struct Query<'c> {
    on: On<'c>,
    text: Text,
    bound: Bound,
    refused: Option<BoxDynError>,
}

/// Begins a query.
pub(crate) fn query<'c>(on: impl Into<On<'c>>, sql: impl Into<Sql>) -> Query<'c> {
    let (on, sql) = (on.into(), sql.into());
    let (text, bound) = match on.place {
        Place::SqlitePool(_) | Place::Sqlite(_) => (sql.sqlite, Bound::Sqlite(SqliteArguments::default())),
        Place::PostgresPool(_) | Place::Postgres(_) => (sql.postgres, Bound::Postgres(PgArguments::default())),
    };
    Query { on, text: Text::Static(text), bound, refused: None }
}

struct Affected(u64);

impl From<SqliteQueryResult> for Affected {
    fn from(result: SqliteQueryResult) -> Self {
        Self(result.rows_affected())
    }
}

impl From<PgQueryResult> for Affected {
    fn from(result: PgQueryResult) -> Self {
        Self(result.rows_affected())
    }
}

/// Runs `$query` with sqlx's `$make` and `$run` on whichever database it is for.
macro_rules! run {
    ($query:expr, $make:ident [$($model:ty)?], $run:ident) => {{
        let query = $query;
        if let Some(error) = query.refused {
            return Err(Error::Encode(error).into());
        }
        let text: SqlStr = match query.text {
            Text::Static(text) => text.into_sql_str(),
            Text::Built(text) => AssertSqlSafe(text).into_sql_str(),
        };
        query.on.planned.at(Point::BeforeQuery)?;
        let done = match (query.on.place, query.bound) {
            (Place::SqlitePool(pool), Bound::Sqlite(bound)) => sqlx::$make::<Sqlite, $($model,)? _>(text, bound).$run(pool).await.map(Into::into),
            (Place::Sqlite(on), Bound::Sqlite(bound)) => sqlx::$make::<Sqlite, $($model,)? _>(text, bound).$run(on).await.map(Into::into),
            (Place::PostgresPool(pool), Bound::Postgres(bound)) => sqlx::$make::<Postgres, $($model,)? _>(text, bound).$run(pool).await.map(Into::into),
            (Place::Postgres(on), Bound::Postgres(bound)) => sqlx::$make::<Postgres, $($model,)? _>(text, bound).$run(on).await.map(Into::into),
            _ => unreachable!("values are bound for the database they run on. This is a bug."),
        };
        query.on.planned.at(Point::AfterQuery)?;
        done
    }};
}

impl Query<'_> {
    /// The value of the next `$n`.
    pub(crate) fn bind<'t>(mut self, value: impl Value<'t>) -> Self {
        self.add(value);
        self
    }

    /// More static text.
    pub(crate) fn push(mut self, text: &'static str) -> Self {
        self.buffer().push_str(text);
        self
    }

    /// A placeholder here, and its value.
    pub(crate) fn push_bind<'t>(mut self, value: impl Value<'t>) -> Self {
        self.add(value);
        let number = match &self.bound {
            Bound::Sqlite(bound) => bound.len(),
            Bound::Postgres(bound) => bound.len(),
        };
        write!(self.buffer(), "${number}").expect("writing to a string does not fail. This is a bug.");
        self
    }

    /// `($1, $2, …)`; of nothing `(NULL)`, which nothing is in.
    pub(crate) fn push_in<'t, T: Value<'t>>(mut self, values: impl IntoIterator<Item = T>) -> Self {
        self = self.push("(");
        let mut empty = true;
        for value in values {
            if !empty {
                self = self.push(", ");
            }
            empty = false;
            self = self.push_bind(value);
        }
        self.push(if empty { "NULL)" } else { ")" })
    }

    fn add<'t>(&mut self, value: impl Value<'t>) {
        let added = match &mut self.bound {
            Bound::Sqlite(bound) => bound.add(value),
            Bound::Postgres(bound) => bound.add(value),
        };
        if let Err(error) = added {
            self.refused.get_or_insert(error);
        }
    }

    fn buffer(&mut self) -> &mut String {
        if let Text::Static(text) = self.text {
            self.text = Text::Built(text.to_owned());
        }
        match &mut self.text {
            Text::Built(text) => text,
            Text::Static(_) => unreachable!("it was replaced above. This is a bug."),
        }
    }

    /// All rows.
    pub(crate) async fn all<M: Model>(self) -> Result<Vec<M>, StoreError> {
        let rows: Result<Vec<M>, Error> = run!(self, query_as_with[M], fetch_all);
        Ok(rows?)
    }

    /// The one row there must be.
    pub(crate) async fn one<M: Model>(self) -> Result<M, StoreError> {
        let row: Result<M, Error> = run!(self, query_as_with[M], fetch_one);
        Ok(row?)
    }

    /// The one row there may be.
    pub(crate) async fn optional<M: Model>(self) -> Result<Option<M>, StoreError> {
        let row: Result<Option<M>, Error> = run!(self, query_as_with[M], fetch_optional);
        Ok(row?)
    }

    /// The one column of the one row there must be.
    pub(crate) async fn value<T>(self) -> Result<T, StoreError>
    where
        (T,): Model,
    {
        Ok(self.one::<(T,)>().await?.0)
    }

    /// How the database would go about it: the lines of its plan. Tests look at these.
    #[cfg(test)]
    pub(crate) async fn plan(mut self) -> Result<Vec<String>, StoreError> {
        let sqlite = matches!(self.bound, Bound::Sqlite(_));
        self.buffer().insert_str(0, if sqlite { "EXPLAIN QUERY PLAN " } else { "EXPLAIN " });
        if sqlite {
            let lines: Vec<(i64, i64, i64, String)> = self.all().await?;
            return Ok(lines.into_iter().map(|(.., line)| line).collect());
        }
        let lines: Vec<(String,)> = self.all().await?;
        Ok(lines.into_iter().map(|(line,)| line).collect())
    }

    /// How many rows it changed.
    pub(crate) async fn run(self) -> Result<u64, StoreError> {
        let affected: Result<Affected, Error> = run!(self, query_with [], execute);
        Ok(affected?.0)
    }

    /// Whether it changed a row: what a guarded write tells.
    pub(crate) async fn changed(self) -> Result<bool, StoreError> {
        Ok(self.run().await? > 0)
    }
}
