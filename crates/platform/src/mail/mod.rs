//! Mail: written by the other services in the transaction that causes it, sent from here, at least once.
//!
//! With a mail server's address it goes there by SMTP; without one each mail becomes a file in a folder that the operator can read, so that a
//! server without mail still lets people prove their address and choose a new password. A mail that was sent keeps no text.

mod transport;

use std::time::Duration;

use easel_store::mails::{self, Mail};

use crate::{Context, PlatformError};

pub use transport::{Outgoing, SmtpSettings};

/// Mails taken at a time.
const BATCH: i64 = 20;
/// Nobody else sends a mail that was taken, for this long.
const TAKEN_FOR: Duration = Duration::from_secs(300);
/// Tries before a mail is given up: the pauses in between sum to about two days.
const ATTEMPTS_MAX: i64 = 12;

/// What a turn of sending did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    /// Arrived at the mail server, or in the folder.
    pub sent: u64,
    /// To be tried again.
    pub postponed: u64,
    /// Given up.
    pub dead: u64,
}

/// Sends what is due. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mailer {
    context: Context,
    outgoing: Outgoing,
}

impl Mailer {
    /// By this way.
    pub fn new(context: Context, outgoing: Outgoing) -> Self {
        Self { context, outgoing }
    }

    /// Sends the mails that are due, at most a batch. Any number of nodes may do this at once.
    pub async fn send_due(&self) -> Result<Sent, PlatformError> {
        let now = self.context.now();
        let mut tx = self.context.db.begin().await?;
        let taken = mails::take(&mut tx, now, now.after(TAKEN_FOR), BATCH).await?;
        tx.commit().await?;
        let mut sent = Sent::default();
        for mail in taken {
            let result = self.outgoing.send(&mail, now).await;
            *self.note(&mail, result, &mut sent).await? += 1;
        }
        Ok(sent)
    }

    async fn note<'a>(&self, mail: &Mail, result: Result<(), String>, sent: &'a mut Sent) -> Result<&'a mut u64, PlatformError> {
        let now = self.context.now();
        let mut tx = self.context.db.begin().await?;
        let counted = match result {
            Ok(()) => {
                mails::sent(&mut tx, &mail.id, now).await?;
                &mut sent.sent
            }
            Err(error) => {
                tracing::warn!(mail = mail.id, attempts = mail.attempts, error, "a mail was not sent");
                let again = (mail.attempts < ATTEMPTS_MAX).then(|| now.after(pause(mail.attempts)));
                mails::failed(&mut tx, &mail.id, now, again, &error).await?;
                if again.is_some() { &mut sent.postponed } else { &mut sent.dead }
            }
        };
        tx.commit().await?;
        Ok(counted)
    }
}

/// One minute, doubled each time, at most twelve hours.
fn pause(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1).clamp(0, 10)).unwrap_or(0);
    (Duration::from_secs(60) * 2_u32.pow(doublings)).min(Duration::from_secs(12 * 3600))
}
