//! The ways a mail can go.

use std::{fmt, path::PathBuf, time::Duration};

use easel_store::{Timestamp, mails::Mail};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};

use crate::PlatformError;

/// A mail server that does not answer is given up on by then.
const SMTP_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the mail server is and who we are to it.
#[derive(Clone)]
pub struct SmtpSettings {
    /// `smtps://user:password@host:465`, `smtp://host:587?tls=required`, `smtp://localhost:25`.
    pub url: String,
    /// `Easel <easel@example.org>`.
    pub from: String,
}

impl fmt::Debug for SmtpSettings {
    /// Without the address: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpSettings").field("from", &self.from).finish_non_exhaustive()
    }
}

/// How mail goes out. Cheap to clone.
#[derive(Clone)]
pub struct Outgoing {
    from: Mailbox,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(PathBuf),
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match &self.way {
            Way::Smtp(_) => "smtp",
            Way::Folder(_) => "folder",
        };
        f.debug_struct("Outgoing").field("way", &way).finish_non_exhaustive()
    }
}

impl Outgoing {
    /// To a mail server.
    pub fn smtp(settings: &SmtpSettings) -> Result<Self, PlatformError> {
        // The address is not repeated: it may hold a password.
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&settings.url).map_err(|_| {
            PlatformError::Settings("the mail server's address is not one: smtps://user:password@host:465".to_owned())
        })?;
        let transport = builder.timeout(Some(SMTP_TIMEOUT)).build();
        Ok(Self { from: mailbox(&settings.from)?, way: Way::Smtp(transport) })
    }

    /// Into a folder, one file each, named after the mail; made if there is none.
    pub fn folder(path: impl Into<PathBuf>, from: &str) -> Result<Self, PlatformError> {
        let path = path.into();
        std::fs::create_dir_all(&path)?;
        // The links in it let in.
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        Ok(Self { from: mailbox(from)?, way: Way::Folder(path) })
    }

    pub(super) async fn send(&self, mail: &Mail, now: Timestamp) -> Result<(), String> {
        let message = self.message(mail, now)?;
        match &self.way {
            Way::Smtp(transport) => transport.send(message).await.map(drop).map_err(|error| error.to_string()),
            Way::Folder(path) => {
                // Written aside and renamed: whoever reads the folder sees whole mails, and one that is sent again is the same file.
                let (file, part) = (path.join(format!("{}.eml", mail.id)), path.join(format!("{}.part", mail.id)));
                tokio::fs::write(&part, message.formatted()).await.map_err(|error| error.to_string())?;
                tokio::fs::rename(&part, &file).await.map_err(|error| error.to_string())
            }
        }
    }

    fn message(&self, mail: &Mail, now: Timestamp) -> Result<Message, String> {
        let to: Mailbox = mail.recipient.parse().map_err(|_| "the recipient is no address".to_owned())?;
        let date = std::time::UNIX_EPOCH + Duration::from_micros(u64::try_from(now.0).unwrap_or(0));
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(&mail.subject)
            .date(date)
            // The same for every attempt, so that mail programs show a mail that was sent twice once.
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .body(mail.body.clone())
            .map_err(|error| error.to_string())
    }
}

fn mailbox(text: &str) -> Result<Mailbox, PlatformError> {
    text.parse().map_err(|_| PlatformError::Settings(format!("{text} is not an address to send mail from")))
}
