//! Another key: everything that is stored is sealed anew under the current one, while others go on reading and writing.
//!
//! 1. [`Keyring::with_new_key`] into the file ([`Keyring::replace`]), and every node started again with it: new secrets come under it, old
//!    ones are still read. 2. [`Rotation::run`]. 3. When [`Rotation::uses`] of the old keys is 0, [`Keyring::without_old_keys`].

use easel_store::sealed::{self, Column, Sealed};
use serde::Serialize;

use super::{Keyring, Place, beginning};
use crate::{Context, PlatformError};

/// Values looked at in one turn.
const TURN: i64 = 100;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Rotated {
    /// Values that are now under the current key.
    pub resealed: u64,
    /// Values no key of the ring opens; they are left as they are.
    pub unreadable: u64,
}

/// Brings what is stored under the current key.
#[derive(Debug, Clone)]
pub struct Rotation {
    context: Context,
    keyring: Keyring,
}

impl Rotation {
    /// With these keys.
    pub fn new(context: Context, keyring: Keyring) -> Self {
        Self { context, keyring }
    }

    /// Seals everything anew that is not under the current key. To be done again after an interruption; nothing is done twice.
    pub async fn run(&self) -> Result<Rotated, PlatformError> {
        let mut rotated = Rotated::default();
        for column in Column::ALL {
            // What no key opens stays at the front of what is found: look past it.
            let mut unreadable = 0;
            loop {
                let limit = TURN + unreadable as i64;
                let found = sealed::under_other_keys(&self.context.db, column, &self.keyring.beginning(), limit).await?;
                unreadable = 0;
                for old in &found {
                    match self.reseal(column, old).await {
                        Ok(changed) => rotated.resealed += u64::from(changed),
                        Err(PlatformError::Sealed) => unreadable += 1,
                        Err(error) => return Err(error),
                    }
                }
                if unreadable == found.len() {
                    break;
                }
            }
            rotated.unreadable += unreadable as u64;
        }
        Ok(rotated)
    }

    /// How many stored values are under this key.
    pub async fn uses(&self, key_id: &str) -> Result<i64, PlatformError> {
        Ok(sealed::count(&self.context.db, &beginning(key_id)).await?)
    }

    async fn reseal(&self, column: Column, old: &Sealed) -> Result<bool, PlatformError> {
        let place = Place { column, row: &old.row };
        let plain = self.keyring.open(place, &old.value)?;
        let new = self.keyring.seal(&*self.context.secrets, place, &plain)?;
        let mut tx = self.context.db.begin().await?;
        // Whoever changed it meanwhile has sealed it under the current key, or it is found in the next turn.
        let changed = sealed::replace(&mut tx, column, old, &new).await?;
        tx.commit().await?;
        Ok(changed)
    }
}
