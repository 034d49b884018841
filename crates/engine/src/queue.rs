//! The bounded line of accepted requests. Submitters and cancellers come from any thread; one worker takes from the front.
//!
//! Every change tells those who wait where they now stand.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use crate::{
    Event,
    ticket::{Job, RequestId},
};

/// Why a job was not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    /// This many wait already.
    Full(usize),
    /// Nothing new is taken.
    Closed,
}

#[derive(Debug)]
pub(crate) struct Queue {
    max: usize,
    line: Mutex<Line>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Line {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Queue {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, line: Mutex::default(), changed: Condvar::new() }
    }

    /// Puts a job at the end.
    pub(crate) fn push(&self, job: Job) -> Result<(), Refused> {
        let mut line = self.lock();
        if line.closed {
            return Err(Refused::Closed);
        }
        if line.jobs.len() >= self.max {
            return Err(Refused::Full(line.jobs.len()));
        }
        job.mailbox.push(Event::Queued { position: line.jobs.len() });
        line.jobs.push_back(job);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes the job at the front, waiting for one; `None` once the queue is closed and empty.
    pub(crate) fn pop(&self) -> Option<Job> {
        let mut line = self.lock();
        loop {
            if let Some(job) = line.jobs.pop_front() {
                tell_positions(&line, 0);
                return Some(job);
            }
            if line.closed {
                return None;
            }
            line = self.changed.wait(line).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes a job out of the line, wherever it stands.
    pub(crate) fn remove(&self, id: RequestId) -> Option<Job> {
        let mut line = self.lock();
        let at = line.jobs.iter().position(|job| job.id == id)?;
        let job = line.jobs.remove(at);
        tell_positions(&line, at);
        job
    }

    /// Takes nothing new; what is in the line stays.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Takes everything out.
    pub(crate) fn clear(&self) -> Vec<Job> {
        self.lock().jobs.drain(..).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().jobs.len()
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell_positions(line: &Line, from: usize) {
    for (position, job) in line.jobs.iter().enumerate().skip(from) {
        job.mailbox.push(Event::Queued { position });
    }
}
