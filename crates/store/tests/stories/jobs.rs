//! Each job has one worker at a time, and only that one writes to it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use crate::common::{NOON, at, open};
use easel_store::{
    Credits, Db, Ids, RandomIds, StoreError, Timestamp,
    jobs::{self, Job, JobState},
    leases::{self, Beat, Claim, Lease},
    outbox,
};
use easel_testing::on_both_engines;

const LEASE: Duration = Duration::from_secs(30);

fn job(ids: &RandomIds, order: i64, model: &str) -> Job {
    Job {
        id: ids.next(NOON),
        user_id: "u".to_owned(),
        state: JobState::Queued,
        model: model.to_owned(),
        request: "{}".to_owned(),
        images_wanted: 1,
        images_delivered: 0,
        unit_price: Credits(0),
        hold_id: None,
        priority: 0,
        queue_order: order,
        not_before: Timestamp(0),
        queue_ends_at: NOON.after(LEASE * 100),
        attempt: 0,
        attempts_max: 3,
        lease_owner: None,
        lease_expires_at: None,
        cancel_requested: false,
        progress: 0,
        provider: None,
        provider_task_id: None,
        leaves_at: None,
        away: None,
        images_free: 0,
        api_key_id: None,
        callback_url: None,
        mail_at_end: false,
        error_code: None,
        error_message: None,
        created_at: NOON,
        started_at: None,
        finished_at: None,
        updated_at: NOON,
        task_no: 0,
        parent_id: None,
        batch_key: None,
        estimated_completion_at: None,
        organization_id: None,
    }
}

async fn submit(db: &Db, jobs: &[Job]) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    for job in jobs {
        jobs::insert(&mut tx, job).await?;
    }
    tx.commit().await
}

async fn take(db: &Db, owner: &str, models: Option<&[String]>, limit: i64, now: Timestamp) -> Result<Vec<Job>, StoreError> {
    let mut tx = db.begin().await?;
    let claimed = leases::claim(&mut tx, now, Claim { owner, models, limit, expires_at: now.after(LEASE) }).await?;
    tx.commit().await?;
    Ok(claimed)
}

on_both_engines! {
    async fn eight_workers_claim_each_job_once(database: &Database) {
        const JOBS: usize = 400;
        let (db, ids) = (open(database).await?, RandomIds::seeded(1));
        let all: Vec<Job> = (0..JOBS).map(|order| job(&ids, order as i64, "m")).collect();
        submit(&db, &all).await?;
        let workers = (0..8).map(|worker| {
            let db = db.clone();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let claimed = take(&db, &format!("w{worker}"), None, 3, NOON).await?;
                    if claimed.is_empty() {
                        // With SKIP LOCKED, nothing to take may mean that others are just taking it; they will finish.
                        return Ok::<_, StoreError>(mine);
                    }
                    mine.extend(claimed.into_iter().map(|job| (job.id, job.attempt)));
                }
            })
        });
        let mut claimed = Vec::new();
        for worker in workers.collect::<Vec<_>>() {
            claimed.extend(worker.await??);
        }
        let distinct: BTreeSet<_> = claimed.iter().map(|(id, _)| id.clone()).collect();
        assert_eq!((claimed.len(), distinct.len()), (JOBS, JOBS));
        assert!(claimed.iter().all(|(_, attempt)| *attempt == 1));
    }

    async fn the_queue_goes_by_its_order_and_by_model(database: &Database) {
        let (db, ids) = (open(database).await?, RandomIds::seeded(2));
        let jobs = [job(&ids, 30, "a"), job(&ids, 10, "b"), job(&ids, 20, "a")];
        submit(&db, &jobs).await?;
        let only_a = ["a".to_owned()];
        let first = take(&db, "w", Some(&only_a), 1, NOON).await?;
        assert_eq!(first.iter().map(|job| &job.id).collect::<Vec<_>>(), [&jobs[2].id]);
        assert!(take(&db, "w", Some(&[]), 9, NOON).await?.is_empty(), "no model, no job");
        let rest = take(&db, "w", None, 9, NOON).await?;
        assert_eq!(rest.iter().map(|job| &job.id).collect::<Vec<_>>(), [&jobs[1].id, &jobs[0].id]);
    }

    async fn a_worker_that_lost_its_lease_writes_nothing(database: &Database) {
        let (db, ids) = (open(database).await?, RandomIds::seeded(3));
        submit(&db, &[job(&ids, 1, "m")]).await?;
        let claimed = take(&db, "first", None, 1, NOON).await?.remove(0);
        let lease = Lease { job_id: claimed.id.clone(), owner: "first".to_owned(), attempt: claimed.attempt };

        let mut tx = db.begin().await?;
        assert_eq!(leases::heartbeat(&mut tx, &lease, NOON, NOON.after(LEASE), 100).await?, Beat::Held);
        assert!(leases::next_expired(&mut tx, NOON).await?.is_none(), "it is good until its end");
        let late = NOON.after(LEASE);
        let expired = leases::next_expired(&mut tx, late).await?.ok_or("expired")?;
        assert!(leases::requeue(&mut tx, &expired.id, late, late, late.after(LEASE)).await?);
        tx.commit().await?;

        let again = take(&db, "second", None, 1, late).await?.remove(0);
        assert_eq!((again.attempt, again.lease_owner.as_deref()), (2, Some("second")));
        let mut tx = db.begin().await?;
        assert_eq!(leases::heartbeat(&mut tx, &lease, late, late.after(LEASE), 900).await?, Beat::Lost);
        assert!(leases::lock(&mut tx, &lease).await?.is_none());
        assert!(!leases::set_provider_task(&mut tx, &lease, "p", "t").await?);
        // The same worker under its old number: the number is the fence, not the name.
        let same_name = Lease { owner: "second".to_owned(), ..lease };
        assert_eq!(leases::heartbeat(&mut tx, &same_name, late, late.after(LEASE), 900).await?, Beat::Lost);
        let held = Lease { attempt: 2, ..same_name };
        assert!(jobs::request_cancel(&mut tx, &held.job_id, late).await?);
        assert_eq!(leases::heartbeat(&mut tx, &held, late, late.after(LEASE), 900).await?, Beat::Cancelled);
        let ending = jobs::Ending { state: JobState::Cancelled, images_delivered: 0, error: None };
        assert!(jobs::end(&mut tx, &held.job_id, late, ending).await?);
        assert!(!jobs::end(&mut tx, &held.job_id, late, ending).await?, "a job ends once");
        tx.commit().await?;
    }

    async fn a_job_tells_when_it_last_changed(database: &Database) {
        let (db, ids) = (open(database).await?, RandomIds::seeded(5));
        submit(&db, &[job(&ids, 1, "m")]).await?;
        let at = |seconds| NOON.after(Duration::from_secs(seconds));
        let claimed = take(&db, "w", None, 1, at(1)).await?.remove(0);
        assert_eq!((claimed.created_at, claimed.updated_at), (NOON, at(1)));
        let lease = Lease { job_id: claimed.id.clone(), owner: "w".to_owned(), attempt: claimed.attempt };
        let changed = async || -> Result<Timestamp, StoreError> {
            Ok(jobs::by_id(&db, &claimed.id).await?.map_or(NOON, |job| job.updated_at))
        };
        let mut tx = db.begin().await?;
        leases::heartbeat(&mut tx, &lease, at(2), at(30), 100).await?;
        tx.commit().await?;
        assert_eq!(changed().await?, at(2));
        let mut tx = db.begin().await?;
        leases::requeue(&mut tx, &claimed.id, at(3), at(9), at(99)).await?;
        tx.commit().await?;
        assert_eq!(changed().await?, at(3));
        let mut tx = db.begin().await?;
        let ending = jobs::Ending { state: JobState::Cancelled, images_delivered: 0, error: None };
        assert!(jobs::end(&mut tx, &claimed.id, at(4), ending).await?);
        tx.commit().await?;
        assert_eq!(changed().await?, at(4));
    }

    async fn events_of_one_subject_go_out_in_order(database: &Database) {
        let (db, ids) = (open(database).await?, RandomIds::seeded(4));
        let mut tx = db.begin().await?;
        for (subject, topic) in [("a", "1"), ("a", "2"), ("b", "1")] {
            let event = outbox::NewEvent { topic, subject_id: subject, user_id: None, payload: "{}" };
            outbox::insert(&mut tx, &at(NOON, &ids), event).await?;
        }
        tx.commit().await?;
        let next = async |now: Timestamp| -> Result<Vec<(String, String, String)>, StoreError> {
            let mut tx = db.begin().await?;
            let mut events = outbox::take(&mut tx, now, now.after(LEASE), 10).await?;
            tx.commit().await?;
            events.sort_by(|a, b| (&a.subject_id, a.seq).cmp(&(&b.subject_id, b.seq)));
            Ok(events.into_iter().map(|event| (event.id, event.subject_id, event.topic)).collect())
        };
        let first = next(NOON).await?;
        let told: Vec<_> = first.iter().map(|(_, subject, topic)| (subject.as_str(), topic.as_str())).collect();
        assert_eq!(told, [("a", "1"), ("b", "1")]);
        assert!(next(NOON).await?.is_empty(), "they are taken");

        let mut tx = db.begin().await?;
        assert!(outbox::delivered(&mut tx, &first[0].0, NOON).await?);
        assert!(outbox::failed(&mut tx, &first[1].0, NOON, None, "gone").await?);
        tx.commit().await?;
        assert_eq!(next(NOON).await?.iter().map(|event| event.2.as_str()).collect::<Vec<_>>(), ["2"]);
        assert_eq!(outbox::counts(&db).await?, (1, 1));
        let mut tx = db.begin().await?;
        assert!(outbox::revive(&mut tx, &first[1].0, NOON).await?);
        tx.commit().await?;
        assert_eq!(next(NOON).await?[0].0, first[1].0, "the same name again");
    }
}

#[test]
fn names_come_from_the_ids_that_were_given() {
    let ids: Arc<dyn Ids> = Arc::new(RandomIds::seeded(9));
    assert_ne!(ids.next(NOON), ids.next(NOON));
}
