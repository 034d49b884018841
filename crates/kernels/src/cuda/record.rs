//! Work that is recorded once and repeated by one call: a CUDA graph.

use super::{Array, Machine, Result, bug, machine::Recorded};

/// Recorded work on inputs and an output of its own. A repetition copies the inputs in, plays, and copies the output out.
pub struct Record {
    machine: Machine,
    inputs: Vec<Array>,
    output: Array,
    work: Recorded,
}

impl Record {
    /// Records `work` on inputs of these shapes. `work` must depend on its inputs alone, and give `len` numbers of the format of `like`.
    pub fn new<E: From<super::CudaError>>(
        machine: &Machine,
        inputs: &[&Array],
        like: &Array,
        work: impl FnOnce(&[Array]) -> std::result::Result<Array, E>,
    ) -> std::result::Result<Self, E> {
        let inputs =
            inputs.iter().map(|input| Array::unwritten(machine, input.format(), input.len())).collect::<Result<Vec<_>>>()?;
        let output = Array::unwritten(machine, like.format(), like.len())?;
        let mut failed = None;
        let recorded = machine.recorded(|| match work(&inputs) {
            Ok(result) => machine.overwrite(&output, &result),
            Err(error) => {
                failed = Some(error);
                Ok(())
            }
        })?;
        match failed {
            Some(error) => Err(error),
            None => Ok(Self { machine: machine.clone(), inputs, output, work: recorded }),
        }
    }

    /// The result for these inputs.
    pub fn play(&self, inputs: &[&Array]) -> Result<Array> {
        if inputs.len() != self.inputs.len() {
            return bug(format!("recorded work with {} inputs is given {}", self.inputs.len(), inputs.len()));
        }
        for (own, given) in self.inputs.iter().zip(inputs) {
            self.machine.overwrite(own, given)?;
        }
        self.work.play()?;
        self.machine.slice(&self.output, 0, self.output.len())
    }
}
