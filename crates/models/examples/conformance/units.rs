//! The building blocks on their own, so that a mismatch can be traced to one of them: what `generate.py` calls units.

use std::{path::Path, sync::Arc};

use easel_models::{
    ops::Ops,
    pipeline::Pipeline,
    prompt::{PromptOptions, PromptSyntax, encode_prompt},
    unet::Conditioning,
    weights::folder::open_model,
};
use easel_sampling::{NoiseSource, TorchCpu};

use crate::{Failure, tensors::Tensors};

const PROMPT: &str = "a red circle on a blue background";

/// All of them, computed by `O`.
pub fn run<O: Ops + Default>(models: &Path, out: &mut Tensors) -> Result<(), Failure> {
    noise(out);
    for name in ["sd1", "sd2"] {
        let pipeline = open::<O>(&models.join(name))?;
        text_and_unet(name, &pipeline, out)?;
        if name == "sd1" {
            autoencoder(&pipeline, out)?;
        }
    }
    Ok(())
}

fn open<O: Ops + Default>(path: &Path) -> Result<Pipeline<O>, Failure> {
    Ok(Pipeline::load(Arc::new(O::default()), &open_model(path, None)?)?)
}

fn noise(out: &mut Tensors) {
    let shapes: [(u64, &[usize]); 6] =
        [(0, &[1, 4, 16, 16]), (42, &[7]), (42, &[15]), (42, &[16]), (42, &[33]), ((1 << 32) - 1, &[2, 3, 5])];
    for (seed, shape) in shapes {
        let mut source = TorchCpu::new(seed);
        let label = shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
        for which in ["first", "second"] {
            out.f32(format!("randn.{seed}.{label}.{which}"), shape, &source.randn(shape));
        }
    }
}

fn text_and_unet<O: Ops>(name: &str, pipeline: &Pipeline<O>, out: &mut Tensors) -> Result<(), Failure> {
    let (ops, encoder) = (pipeline.ops.as_ref(), &pipeline.encoders[0]);
    let options = PromptOptions { syntax: PromptSyntax::Plain, ..PromptOptions::default() };
    let ids = encode_prompt(&encoder.tokenizer, PROMPT, options)?.chunks.remove(0).ids;
    let hidden = encoder.model.forward(ops, &[&ids])?.last;
    out.i64(format!("{name}.token_ids"), &[1, ids.len()], ids.iter().map(|id| i64::from(*id)));
    out.f32(format!("{name}.text"), &ops.shape(&hidden), &ops.download(&hidden)?);

    let shape = [3, 4, 16, 24];
    let values = TorchCpu::new(5).randn(&shape);
    let x = ops.upload(&values, &shape)?;
    let context = ops.concat_rows(&[&hidden, &hidden, &hidden])?;
    let given = Conditioning { context: &context, text_time: None, guidance: None };
    let y = pipeline.unet.forward(ops, &x, &[981.0, 500.0, 1.0], &given)?;
    out.f32(format!("{name}.unet.in"), &shape, &values);
    out.i64(format!("{name}.unet.timesteps"), &[3], [981, 500, 1].into_iter());
    out.f32(format!("{name}.unet.out"), &ops.shape(&y), &ops.download(&y)?);
    Ok(())
}

fn autoencoder<O: Ops>(pipeline: &Pipeline<O>, out: &mut Tensors) -> Result<(), Failure> {
    let ops = pipeline.ops.as_ref();
    let mut source = TorchCpu::new(6);
    let (z_shape, image_shape) = ([1, 4, 8, 8], [1, 3, 64, 64]);
    let z = source.randn(&z_shape);
    let image: Vec<f32> = source.rand(image_shape.iter().product()).into_iter().map(|v| v * 2.0 - 1.0).collect();
    let decoded = pipeline.vae.decode(ops, &ops.upload(&z, &z_shape)?)?;
    let posterior = pipeline.vae.encode(ops, &ops.upload(&image, &image_shape)?)?;
    out.f32("vae.latent", &z_shape, &z);
    out.f32("vae.decoded", &ops.shape(&decoded), &ops.download(&decoded)?);
    out.f32("vae.image", &image_shape, &image);
    out.f32("vae.mean", &posterior.shape, &posterior.mean);
    out.f32("vae.logvar", &posterior.shape, &posterior.logvar);
    Ok(())
}
