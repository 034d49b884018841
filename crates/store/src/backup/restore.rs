//! Reading a dump, in one transaction: all of it or nothing.

use std::io::BufRead;

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::{
    BackupError, Copied, FORMAT,
    tables::{Kind, TABLES, Table},
};
use crate::{Db, Tx, query::query};

/// Fills a database that has been migrated and is empty. The dump must be of the same version.
pub async fn restore(db: &Db, from: &mut (dyn BufRead + Send)) -> Result<Copied, BackupError> {
    let version = db.version().await?;
    let mut lines = Lines { from, hasher: Sha256::new(), line: String::new() };
    let header = lines.next()?.ok_or_else(|| damaged("it is empty"))?;
    if header["format"] != FORMAT {
        return Err(damaged("it is not a dump of this program"));
    }
    if header["version"] != version {
        return Err(damaged(&format!(
            "it is of version {}, the database of {version}: use the same version of Easel",
            header["version"]
        )));
    }
    let mut tx = db.begin().await?;
    let users: i64 = query(&mut tx, "SELECT (SELECT COUNT(*) FROM users) + (SELECT COUNT(*) FROM transfers)").value().await?;
    if users > 0 {
        return Err(BackupError::NotEmpty);
    }
    // The migrations put them there.
    query(&mut tx, "DELETE FROM audit_head").run().await?;
    query(&mut tx, "DELETE FROM system_config").run().await?;
    let mut table = None;
    let mut rows = 0;
    loop {
        let so_far = lines.hash();
        match lines.next()?.ok_or_else(|| damaged("its end is missing"))? {
            Json::Array(row) => {
                insert(&mut tx, table.ok_or_else(|| damaged("a row has no table"))?, &row).await?;
                rows += 1;
            }
            line if line["table"].is_string() => table = Some(known(&line)?),
            line => {
                if line["sha256"] != so_far.as_str() || line["rows"] != rows {
                    return Err(damaged("it was changed or cut off"));
                }
                break;
            }
        }
    }
    tx.commit().await?;
    Ok(Copied { version, rows })
}

fn damaged(what: &str) -> BackupError {
    BackupError::Dump(what.to_owned())
}

/// The table of a line, if it has the columns it should have.
fn known(line: &Json) -> Result<&'static Table, BackupError> {
    let found = TABLES.iter().find(|table| line["table"] == table.name).ok_or_else(|| damaged("it has an unknown table"))?;
    let columns: Json = found.columns.iter().map(|(name, _)| *name).collect();
    if line["columns"] == columns { Ok(found) } else { Err(damaged(&format!("the columns of {} are not ours", found.name))) }
}

async fn insert(tx: &mut Tx, table: &'static Table, row: &[Json]) -> Result<(), BackupError> {
    if row.len() != table.columns.len() {
        return Err(damaged(&format!("a row of {} has another number of columns", table.name)));
    }
    let mut inserting = query(tx, table.insert).push("(");
    for (at, (value, (name, kind))) in row.iter().zip(table.columns).enumerate() {
        if at > 0 {
            inserting = inserting.push(", ");
        }
        let wrong = || damaged(&format!("{}.{name} has a value of another type", table.name));
        inserting = match (kind, value) {
            (Kind::Text, Json::Null) => inserting.push_bind(None::<String>),
            (Kind::Integer, Json::Null) => inserting.push_bind(None::<i64>),
            (Kind::Boolean, Json::Null) => inserting.push_bind(None::<bool>),
            (Kind::Text, value) => inserting.push_bind(value.as_str().ok_or_else(wrong)?.to_owned()),
            (Kind::Integer, value) => inserting.push_bind(value.as_i64().ok_or_else(wrong)?),
            (Kind::Boolean, value) => inserting.push_bind(value.as_bool().ok_or_else(wrong)?),
        };
    }
    inserting.push(")").run().await?;
    Ok(())
}

struct Lines<'a> {
    from: &'a mut (dyn BufRead + Send),
    hasher: Sha256,
    line: String,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<Json>, BackupError> {
        self.line.clear();
        if self.from.read_line(&mut self.line)? == 0 {
            return Ok(None);
        }
        self.hasher.update(&self.line);
        serde_json::from_str(&self.line).map(Some).map_err(|error| damaged(&error.to_string()))
    }

    /// Of every line so far.
    fn hash(&self) -> String {
        self.hasher.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
