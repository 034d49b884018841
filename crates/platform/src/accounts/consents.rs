//! What people agree to: the operator's terms and privacy policy, each by its version. Who registers says so for each that there is; when a version
//! changes everybody is asked again, and what they agreed to before stays on record. Whoever has yet to agree orders nothing; what they have they
//! can see, take with them and have erased all the same.

use easel_store::{
    Tx, audit,
    consents::{self, Consent},
};
use serde::{Deserialize, Serialize};

use super::{Accounts, Actor, LOCAL_ID};
use crate::{PlatformError, context::retry};

/// A paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Paper {
    /// The terms of use.
    Terms,
    /// What is done with what people leave here.
    Privacy,
}

impl Paper {
    /// As stored and written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Terms => "terms",
            Self::Privacy => "privacy",
        }
    }

    /// As people call it.
    fn title(self) -> &'static str {
        match self {
            Self::Terms => "the terms of use",
            Self::Privacy => "the privacy policy",
        }
    }
}

/// A paper as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// What the operator calls this version: another word is another version.
    pub version: String,
    /// Where it can be read.
    pub url: Option<String>,
}

/// The operator's papers; what there is not is not asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Legal {
    /// The terms of use.
    pub terms: Option<Published>,
    /// The privacy policy.
    pub privacy: Option<Published>,
}

impl Legal {
    /// Those that there are.
    pub fn papers(&self) -> Vec<(Paper, &Published)> {
        let all = [(Paper::Terms, &self.terms), (Paper::Privacy, &self.privacy)];
        all.into_iter().filter_map(|(paper, published)| Some((paper, published.as_ref()?))).collect()
    }

    /// Those whose version of now somebody who has agreed to these has not agreed to.
    pub fn missing(&self, given: &[Consent]) -> Vec<(Paper, &Published)> {
        let agreed = |paper: Paper, published: &Published| {
            given.iter().any(|consent| consent.document == paper.name() && consent.version == published.version)
        };
        self.papers().into_iter().filter(|(paper, published)| !agreed(*paper, published)).collect()
    }

    /// Refuses whoever has yet to agree to something. The one who needs no account on their own machine is the operator, whose papers these are.
    pub(crate) async fn require(&self, tx: &mut Tx, user_id: &str) -> Result<(), PlatformError> {
        if self.papers().is_empty() || user_id == LOCAL_ID {
            return Ok(());
        }
        let given = consents::of_user_in(tx, user_id).await?;
        let missing: Vec<String> =
            self.missing(&given).iter().map(|(paper, now)| format!("{} ({})", paper.title(), now.version)).collect();
        if missing.is_empty() { Ok(()) } else { Err(PlatformError::ConsentRequired { papers: missing.join(" and ") }) }
    }

    /// Whether each is there in this very version.
    fn are_current(&self, accepted: &[(Paper, &str)]) -> bool {
        let papers = self.papers();
        accepted.iter().all(|(paper, version)| papers.iter().any(|(of, now)| of == paper && now.version == *version))
    }
}

impl Accounts {
    /// The operator's papers.
    pub fn legal(&self) -> &Legal {
        &self.settings.legal
    }

    /// What somebody has agreed to, newest first.
    pub async fn consents(&self, user_id: &str) -> Result<Vec<Consent>, PlatformError> {
        Ok(consents::of_user(&self.context.db, user_id).await?)
    }

    /// Somebody agrees. Said again, it changes nothing.
    ///
    /// # Errors
    /// [`PlatformError::Invalid`] for a version that is not the one of now: nobody agrees to what they have not been shown.
    pub async fn agree(&self, actor: &Actor, accepted: &[(Paper, &str)]) -> Result<(), PlatformError> {
        if !self.settings.legal.are_current(accepted) {
            return Err(PlatformError::Invalid { field: "version", problem: "is not the one of now" });
        }
        retry!(self.agree_once(actor, accepted))
    }

    async fn agree_once(&self, actor: &Actor, accepted: &[(Paper, &str)]) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        self.note_consents(&mut tx, actor, accepted).await?;
        Ok(tx.commit().await?)
    }

    /// Who registers has to agree to all that there is.
    pub(super) fn check_accepted(&self, accepted: &[(Paper, &str)]) -> Result<(), PlatformError> {
        let legal = &self.settings.legal;
        let all = legal.papers().into_iter().all(|(paper, _)| accepted.iter().any(|(of, _)| *of == paper));
        if all && legal.are_current(accepted) {
            return Ok(());
        }
        let problem = "must name the versions of now of the terms and the privacy policy that there are";
        Err(PlatformError::Invalid { field: "accept", problem })
    }

    /// Writes down what somebody agrees to, in the transaction that goes with it.
    pub(super) async fn note_consents(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        accepted: &[(Paper, &str)],
    ) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        for (paper, version) in accepted {
            if consents::note(tx, moment.now, actor.id(), paper.name(), version).await? {
                let detail = serde_json::json!({ "document": paper.name(), "version": version }).to_string();
                audit::append(tx, &moment, actor.record("consent.give", Some(("user", actor.id())), &detail)).await?;
            }
        }
        Ok(())
    }
}
