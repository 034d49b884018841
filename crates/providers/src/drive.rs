//! One attempt from its intention to its pictures, written down at every step, so that whoever comes after a crash goes on and pays nothing twice.
//!
//! | written down | before | after a crash at this point |
//! |---|---|---|
//! | `Intended` | anything is sent | sent again only to a provider that honours the key; otherwise given up and counted as paid |
//! | the answer, of those that answer at once | its pictures are stored | gone on with from the answer |
//! | `Accepted` | it is asked about | asked about again |
//! | `Ended` | the job goes on | nothing |
//!
//! Writing down is fenced by whoever implements [`Journal`]: a worker that was thought dead is told so and stops before it sends anything.

use std::time::{Duration, Instant};

use easel_outbound::FetchedImage;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::Notify;

use crate::{
    Accepted, Attempt, AttemptKey, Cancelled, Delivery, FailureClass, Fitted, ImageProvider, Micros, Polled, ProviderError,
    ProviderId, Recovery, Submitted, TaskHandle, journal::Journal,
};

/// What is known of an attempt, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// It may have been sent.
    Intended {
        /// With whom.
        provider: ProviderId,
    },
    /// The provider took it on.
    Accepted {
        /// What to ask about.
        task: TaskHandle,
    },
    /// Nothing is left to do: the pictures were handed on, or there are none.
    Ended {
        /// Why there are none.
        failure: Option<ProviderError>,
    },
}

/// How often a provider is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The first pause; each is half as long again as the one before.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// How often a submission is sent again that was certainly not taken on.
    pub retries: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), longest: Duration::from_secs(10), retries: 2 }
    }
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The files, as doubtful as any upload.
    pub pictures: Vec<FetchedImage>,
    /// What they cost: of the quote, those that were delivered.
    pub cost: Micros,
    /// The seed the provider says it used.
    pub seed: Option<u64>,
    /// How many the provider held back.
    pub withheld: u32,
}

/// Why there are no pictures.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum DriveError {
    /// The provider's doing.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// It could not be written down: somebody else has the job, or the database is away. Nothing more was sent.
    #[error("the job is somebody else's now, or cannot be written down")]
    Journal,
}

/// An attempt and those it concerns.
pub struct Drive<'a> {
    /// Who is asked.
    pub provider: &'a dyn ImageProvider,
    /// Where it is written down.
    pub journal: &'a dyn Journal,
    /// How often it is asked about.
    pub pace: Pace,
    /// Told when it is time to ask, whatever the pace: a webhook came.
    pub wake: Option<&'a Notify>,
}

impl Drive<'_> {
    /// Begins an attempt, or goes on with it: `known` is what the journal holds of it.
    pub async fn run(&self, order: &Fitted, attempt: &Attempt, known: Option<Step>) -> Result<Served, DriveError> {
        let deadline = Instant::now() + attempt.time_left;
        let outcome = match known {
            Some(Step::Ended { failure }) => {
                let lost = || self.failure(FailureClass::Permanent, Accepted::Yes, "ended");
                return Err(failure.unwrap_or_else(lost).into());
            }
            Some(Step::Accepted { task }) => self.wait(&task, deadline).await,
            Some(Step::Intended { .. }) => self.go_on(order, attempt, deadline).await,
            None => {
                self.write(&attempt.key, &Step::Intended { provider: self.provider.id().clone() }).await?;
                self.begin(order, attempt, deadline).await
            }
        };
        match outcome {
            Ok((delivery, pictures)) => {
                let delivered = u64::try_from(pictures.len()).unwrap_or(u64::MAX);
                let cost = order.quote.per_picture.times(delivered).min(order.quote.total);
                Ok(Served { pictures, cost, seed: delivery.seed, withheld: delivery.withheld })
            }
            Err(DriveError::Provider(failure)) => {
                self.write(&attempt.key, &Step::Ended { failure: Some(failure.clone()) }).await?;
                Err(failure.into())
            }
            Err(DriveError::Journal) => Err(DriveError::Journal),
        }
    }

    /// It may have been sent: its answer is there, or it is sent again, or nobody can tell.
    async fn go_on(
        &self,
        order: &Fitted,
        attempt: &Attempt,
        deadline: Instant,
    ) -> Result<(Delivery, Vec<FetchedImage>), DriveError> {
        if let Some(answer) = self.journal.kept_answer(&attempt.key).await.map_err(|_| DriveError::Journal)? {
            let pictures = self.provider.fetch_all(&answer).await?;
            return Ok((answer, pictures));
        }
        match self.provider.recovery() {
            Recovery::SendAgain => self.begin(order, attempt, deadline).await,
            Recovery::GiveUp => Err(self.failure(FailureClass::Transient, Accepted::Unknown, "outcome_unknown").into()),
        }
    }

    async fn begin(
        &self,
        order: &Fitted,
        attempt: &Attempt,
        deadline: Instant,
    ) -> Result<(Delivery, Vec<FetchedImage>), DriveError> {
        let mut sent = 0;
        let submitted = loop {
            let time_left = deadline.saturating_duration_since(Instant::now());
            let outcome = self.provider.submit(order, &Attempt { time_left, ..attempt.clone() }).await;
            match outcome {
                Err(failure) if self.again(&failure, sent) => {
                    sent += 1;
                    tokio::time::sleep(self.pause(&attempt.key, sent).min(time_left)).await;
                }
                outcome => break outcome?,
            }
        };
        match submitted {
            Submitted::Done(delivery) => {
                self.journal.keep_answer(&attempt.key, &delivery).await.map_err(|_| DriveError::Journal)?;
                let pictures = self.provider.fetch_all(&delivery).await?;
                Ok((delivery, pictures))
            }
            Submitted::Task(task) => {
                self.write(&attempt.key, &Step::Accepted { task: task.clone() }).await?;
                self.wait(&task, deadline).await
            }
        }
    }

    /// Whether a submission is sent again: it was certainly not taken on, and it is not for long.
    fn again(&self, failure: &ProviderError, sent: u32) -> bool {
        failure.class == FailureClass::Transient && failure.accepted == Accepted::No && sent < self.pace.retries
    }

    async fn wait(&self, task: &TaskHandle, deadline: Instant) -> Result<(Delivery, Vec<FetchedImage>), DriveError> {
        let (mut count, mut fetched_anew) = (0, false);
        loop {
            let pause = match self.provider.poll(task).await {
                Ok(Polled::Done(delivery)) => match self.provider.fetch_all(&delivery).await {
                    Ok(pictures) => return Ok((delivery, pictures)),
                    // The address is over: a new answer may hold a new one, once.
                    Err(failure) if !fetched_anew && matches!(failure.class, FailureClass::Transient | FailureClass::Timeout) => {
                        fetched_anew = true;
                        self.pause(&task.key, count)
                    }
                    Err(failure) => return Err(failure.into()),
                },
                Ok(Polled::Pending(_)) => self.pause(&task.key, count),
                Err(failure) => self.ask_again(&failure, task, count).ok_or(failure)?,
            };
            count += 1;
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.give_up(task).await.into());
            }
            let told = async {
                match self.wake {
                    Some(wake) => wake.notified().await,
                    None => std::future::pending().await,
                }
            };
            // Told or not, the provider is asked.
            let _ = tokio::time::timeout(pause.min(left), told).await;
        }
    }

    /// The pause before a question is asked again that went wrong; `None` if the task itself did.
    fn ask_again(&self, failure: &ProviderError, task: &TaskHandle, count: u32) -> Option<Duration> {
        // What was said of the task is final; what was said of the question is not.
        let of_task = failure.status.is_none() && failure.accepted == Accepted::Yes;
        let passes = matches!(failure.class, FailureClass::Transient | FailureClass::RateLimited | FailureClass::Timeout);
        let pause = self.pause(&task.key, count);
        (passes && !of_task).then(|| failure.retry_after.unwrap_or(pause).max(pause))
    }

    /// Time is over: the provider is told, so that it stops costing.
    async fn give_up(&self, task: &TaskHandle) -> ProviderError {
        let code = match self.provider.cancel(task).await {
            Ok(Cancelled::Yes) => "canceled",
            Ok(Cancelled::TooLate | Cancelled::Impossible) | Err(_) => "abandoned",
        };
        self.failure(FailureClass::Timeout, Accepted::Yes, code)
    }

    async fn write(&self, key: &AttemptKey, step: &Step) -> Result<(), DriveError> {
        self.journal.write(key, step).await.map_err(|_| DriveError::Journal)
    }

    fn failure(&self, class: FailureClass, accepted: Accepted, code: &str) -> ProviderError {
        ProviderError::new(self.provider.id(), class, accepted).code(code)
    }

    /// Longer each time, and never the same for two attempts: up to a quarter is taken off by the key.
    fn pause(&self, key: &AttemptKey, count: u32) -> Duration {
        let full = self.pace.first.mul_f64(1.5_f64.powi(i32::try_from(count.min(32)).unwrap_or(32))).min(self.pace.longest);
        let mixed = key.as_str().bytes().fold(u64::from(count), |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        full.mul_f64(1.0 - (mixed % 256) as f64 / 1024.0)
    }
}
