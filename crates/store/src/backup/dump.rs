//! Writing a dump: all tables as they are at one moment, row by row, never a whole table in memory.

use std::io::Write;

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use sqlx::{Row, postgres::PgRow, sqlite::SqliteRow};

use super::{
    BackupError, Copied, FORMAT,
    tables::{TABLES, Table},
};
use crate::{Db, StoreError, Tx, query::query};

/// Rows read at a time.
const PAGE: i64 = 500;

/// Writes a dump of the database as it is now; others go on meanwhile.
pub async fn dump(db: &Db, to: &mut (dyn Write + Send)) -> Result<Copied, BackupError> {
    let version = db.version().await?;
    let mut out = Hashed { to, hasher: Sha256::new() };
    out.line(&json!({ "format": FORMAT, "version": version }))?;
    let mut tx = db.begin_read().await?;
    let mut rows = 0;
    for table in TABLES {
        let names: Vec<_> = table.columns.iter().map(|(name, _)| *name).collect();
        out.line(&json!({ "table": table.name, "columns": names }))?;
        let mut offset = 0;
        loop {
            let page = page(&mut tx, table, offset).await?;
            let read = i64::try_from(page.len()).unwrap_or(PAGE);
            for row in page {
                out.line(&Json::Array(row))?;
                rows += 1;
            }
            offset += read;
            if read < PAGE {
                break;
            }
        }
    }
    let hash = out.hasher.clone().finalize();
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    out.line(&json!({ "rows": rows, "sha256": hash }))?;
    out.to.flush()?;
    Ok(Copied { version, rows })
}

async fn page(tx: &mut Tx, table: &Table, offset: i64) -> Result<Vec<Vec<Json>>, StoreError> {
    let rows: Vec<Cells> =
        query(tx, table.select).push(" LIMIT ").push_bind(PAGE).push(" OFFSET ").push_bind(offset).all().await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// A row of any table, read by what the database says its columns are.
struct Cells(Vec<Json>);

/// Reads every column of a row.
macro_rules! cells {
    ($row:expr) => {{
        let cell = |(at, column)| match sqlx::TypeInfo::name(sqlx::Column::type_info(column)) {
            "BOOLEAN" | "BOOL" => $row.try_get::<Option<bool>, _>(at).map(Json::from),
            "TEXT" => $row.try_get::<Option<String>, _>(at).map(Json::from),
            _ => $row.try_get::<Option<i64>, _>(at).map(Json::from),
        };
        Ok(Self($row.columns().iter().enumerate().map(cell).collect::<Result<_, sqlx::Error>>()?))
    }};
}

impl sqlx::FromRow<'_, SqliteRow> for Cells {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        cells!(row)
    }
}

impl sqlx::FromRow<'_, PgRow> for Cells {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        cells!(row)
    }
}

struct Hashed<'a> {
    to: &'a mut (dyn Write + Send),
    hasher: Sha256,
}

impl Hashed<'_> {
    fn line(&mut self, value: &Json) -> Result<(), std::io::Error> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.hasher.update(&line);
        self.to.write_all(&line)
    }
}
