//! A network's recorded work: one CUDA graph for each set of input shapes, made at their second use.
//!
//! The first use runs as it is written: it compiles what kernels are still missing and shows the shape of the result. A shape that comes
//! once is not worth a recording.

use std::sync::{Mutex, PoisonError};

use easel_kernels::cuda::{Array, CudaError, Format, Machine, Record};

use super::{OpsError, Result, Tensor, Work};

/// The most shapes kept; the longest unused goes first. A record holds memory for all a network's activations at once.
const MOST: usize = 16;

/// Shape and format of each input.
type Key = Vec<(Vec<usize>, Format)>;

enum State {
    /// Used once, with a result like this.
    Seen(Tensor),
    Recorded(Box<Record>, Vec<usize>),
    /// The driver refuses to record it.
    Refused,
}

/// Recorded work by the shapes of its inputs, the latest used last.
#[derive(Default)]
pub struct Records(Mutex<Vec<(Key, State)>>);

impl Records {
    /// How many shapes are recorded.
    pub fn recorded(&self) -> usize {
        let states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        states.iter().filter(|(_, state)| matches!(state, State::Recorded(..))).count()
    }

    pub(super) fn repeat(&self, machine: &Machine, inputs: &[&Tensor], work: &Work<'_, Tensor>) -> Result<Tensor> {
        let key: Key = inputs.iter().map(|x| (x.shape.clone(), x.data.format())).collect();
        let mut states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = states.iter().position(|(known, _)| *known == key).map(|at| states.remove(at).1);
        let arrays: Vec<&Array> = inputs.iter().map(|x| &x.data).collect();
        let run = || work(&inputs.iter().map(|x| (*x).clone()).collect::<Vec<_>>());
        let (result, state) = match known {
            None => {
                let result = run()?;
                (result.clone(), State::Seen(result))
            }
            Some(State::Seen(like)) => match record(machine, &key, &arrays, &like, work) {
                Ok(record) => (played(&record, &arrays, &like.shape)?, State::Recorded(Box::new(record), like.shape)),
                Err(OpsError::Device(reason)) => {
                    tracing::warn!(reason, "a step could not be recorded; it runs without a CUDA graph, and slower");
                    (run()?, State::Refused)
                }
                Err(error) => return Err(error),
            },
            Some(State::Recorded(record, shape)) => (played(&record, &arrays, &shape)?, State::Recorded(record, shape)),
            Some(State::Refused) => (run()?, State::Refused),
        };
        states.push((key, state));
        if states.len() > MOST {
            states.remove(0);
        }
        Ok(result)
    }
}

fn played(record: &Record, inputs: &[&Array], shape: &[usize]) -> Result<Tensor> {
    Ok(Tensor { shape: shape.to_vec(), data: record.play(inputs)? })
}

fn record(machine: &Machine, key: &Key, inputs: &[&Array], like: &Tensor, work: &Work<'_, Tensor>) -> Result<Record> {
    Record::new(machine, inputs, &like.data, |inputs| {
        let tensors: Vec<Tensor> =
            inputs.iter().zip(key).map(|(data, (shape, _))| Tensor { shape: shape.clone(), data: data.clone() }).collect();
        match work(&tensors) {
            Ok(result) if result.shape == like.shape => Ok(result.data),
            Ok(result) => {
                Err(CudaError::Bug(format!("recorded work gave {:?} instead of {:?}", result.shape, like.shape)).into())
            }
            Err(error) => Err(error),
        }
    })
}
