//! A safetensors file in the making.

use std::{collections::BTreeMap, path::Path};

use safetensors::{Dtype, tensor::TensorView};

/// Tensors by name, as bytes.
#[derive(Default)]
pub struct Tensors(BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>);

impl Tensors {
    pub fn f32(&mut self, name: impl Into<String>, shape: &[usize], values: &[f32]) {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.0.insert(name.into(), (Dtype::F32, shape.to_vec(), bytes));
    }

    pub fn i64(&mut self, name: impl Into<String>, shape: &[usize], values: impl Iterator<Item = i64>) {
        let bytes = values.flat_map(i64::to_le_bytes).collect();
        self.0.insert(name.into(), (Dtype::I64, shape.to_vec(), bytes));
    }

    pub fn u8(&mut self, name: impl Into<String>, shape: &[usize], values: &[u8]) {
        self.0.insert(name.into(), (Dtype::U8, shape.to_vec(), values.to_vec()));
    }

    pub fn bytes(&self) -> Result<Vec<u8>, crate::Failure> {
        let views = self
            .0
            .iter()
            .map(|(name, (dtype, shape, bytes))| Ok((name.as_str(), TensorView::new(*dtype, shape.clone(), bytes)?)))
            .collect::<Result<Vec<_>, crate::Failure>>()?;
        Ok(safetensors::serialize(views, None)?)
    }

    #[allow(dead_code)]
    pub fn write(&self, path: &Path) -> Result<(), crate::Failure> {
        Ok(std::fs::write(path, self.bytes()?)?)
    }
}
