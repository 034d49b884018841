//! One picture's bands on the card: buffers, the three passes of `finish.wgsl`, and the way back.

use std::{ops::Range, time::Duration};

use bytemuck::{Pod, Zeroable};
use wgpu::{
    BindGroup, BindGroupLayout, Buffer, BufferUsages, ComputePipeline, Device, Limits, MapMode, PollType, Queue, ShaderStages,
};

use super::super::plan::Plan;

/// Bytes of one pixel in the buffers between the passes.
const WIDE_PIXEL: usize = 16;
/// What such a buffer may take: large enough for a 4K picture in a few dozen bands, small enough to be had beside a model.
const BUFFER_MAX: usize = 32 * 1024 * 1024;
const WORKGROUP: u32 = 64;
const BINDINGS: u32 = 7;

/// As `Band` in `finish.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct BandParameters {
    source_width: u32,
    width: u32,
    height: u32,
    source_start: u32,
    source_rows: u32,
    tall_start: u32,
    tall_rows: u32,
    start: u32,
    rows: u32,
    across_taps: u32,
    down_taps: u32,
    mark_x: u32,
    mark_y: u32,
    mark_width: u32,
    mark_height: u32,
    weight: f32,
}

#[derive(Debug)]
pub(super) struct Pipelines {
    layout: BindGroupLayout,
    passes: [ComputePipeline; 3],
}

impl Pipelines {
    pub fn new(device: &Device) -> Self {
        let entries: Vec<_> = (0..BINDINGS)
            .map(|binding| wgpu::BindGroupLayoutEntry {
                binding,
                visibility: ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty: match binding {
                        0 => wgpu::BufferBindingType::Uniform,
                        1 | 2 | 5 => wgpu::BufferBindingType::Storage { read_only: true },
                        _ => wgpu::BufferBindingType::Storage { read_only: false },
                    },
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&layout)],
            ..Default::default()
        });
        let module = device.create_shader_module(wgpu::include_wgsl!("finish.wgsl"));
        let passes = ["widen", "heighten", "complete"].map(|entry| {
            device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(entry),
                layout: Some(&pipeline_layout),
                module: &module,
                entry_point: Some(entry),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                cache: None,
            })
        });
        Self { layout, passes }
    }
}

/// A picture cut into bands whose buffers fit.
pub(super) struct Bands<'a> {
    plan: &'a Plan<'a>,
    bands: Vec<Range<usize>>,
}

impl<'a> Bands<'a> {
    /// `None` if not even one row fits the card.
    pub fn new(plan: &'a Plan<'a>, limits: &Limits) -> Option<Self> {
        let buffer_max = BUFFER_MAX.min(usize::try_from(limits.max_storage_buffer_binding_size).unwrap_or(usize::MAX));
        let rows_max = limits.max_compute_workgroups_per_dimension as usize;
        let fits = |rows: &Range<usize>| {
            let source_rows = plan.source_rows(rows).len();
            let most = source_rows.max(plan.with_neighbours(rows).len());
            let source_bytes = source_rows * plan.source_width * 3 + 4;
            most <= rows_max && (most * plan.width * WIDE_PIXEL).max(source_bytes) <= buffer_max
        };
        let mut bands = Vec::new();
        let mut start = 0;
        // Halved until it fits: rows near the borders need fewer source rows, so no formula is as sure as asking.
        let mut rows = plan.height;
        while start < plan.height {
            let band = start..(start + rows).min(plan.height);
            if fits(&band) {
                start = band.end;
                bands.push(band);
            } else if rows == 1 {
                return None;
            } else {
                rows = rows.div_ceil(2);
            }
        }
        Some(Self { plan, bands })
    }

    pub fn run(
        &self,
        device: &Device,
        queue: &Queue,
        pipelines: &Pipelines,
        source: &[u8],
        answer_limit: Duration,
    ) -> Result<Vec<u8>, String> {
        let buffers = Buffers::new(device, self);
        queue.write_buffer(&buffers.axes, 0, bytemuck::cast_slice(&axes(self.plan)));
        if let Some(mark) = self.plan.mark {
            queue.write_buffer(&buffers.mark, 0, &mark.rgba);
        }
        let group = buffers.group(device, &pipelines.layout);
        let mut out = Vec::with_capacity(self.plan.width * self.plan.height * 3);
        for rows in &self.bands {
            let parameters = parameters(self.plan, rows);
            queue.write_buffer(&buffers.band, 0, bytemuck::bytes_of(&parameters));
            write_rows(queue, &buffers.source, source, self.plan, rows);
            let bytes = (rows.len() * self.plan.width * 4) as u64;
            submit(device, queue, pipelines, &group, &parameters, |encoder| {
                encoder.copy_buffer_to_buffer(&buffers.pixels, 0, &buffers.back, 0, bytes);
            });
            let slice = buffers.back.slice(..bytes);
            let (sender, receiver) = std::sync::mpsc::channel();
            slice.map_async(MapMode::Read, move |result| {
                // The receiver outlives the poll below unless that failed.
                let _ = sender.send(result);
            });
            let wait = PollType::Wait { submission_index: None, timeout: Some(answer_limit) };
            device.poll(wait).map_err(|error| format!("the graphics card does not answer: {error}"))?;
            let mapped = receiver.try_recv().map_err(|_| "the graphics card does not answer".to_owned())?;
            mapped.map_err(|error| error.to_string())?;
            let view = slice.get_mapped_range().map_err(|error| error.to_string())?;
            out.extend(view.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]));
            drop(view);
            buffers.back.unmap();
        }
        Ok(out)
    }
}

struct Buffers {
    band: Buffer,
    source: Buffer,
    axes: Buffer,
    wide: Buffer,
    tall: Buffer,
    mark: Buffer,
    pixels: Buffer,
    back: Buffer,
}

impl Buffers {
    fn new(device: &Device, bands: &Bands<'_>) -> Self {
        let plan = bands.plan;
        let most = |count: &dyn Fn(&Range<usize>) -> usize| bands.bands.iter().map(count).max().unwrap_or(1);
        let source_rows = most(&|rows| plan.source_rows(rows).len());
        let tall_rows = most(&|rows| plan.with_neighbours(rows).len());
        let rows = most(&Range::len);
        let buffer = |bytes: usize, usage: BufferUsages| {
            // Storage is bound in words.
            let size = bytes.next_multiple_of(4).max(4) as u64;
            device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false })
        };
        let (input, between) = (BufferUsages::STORAGE | BufferUsages::COPY_DST, BufferUsages::STORAGE);
        Self {
            band: buffer(size_of::<BandParameters>(), BufferUsages::UNIFORM | BufferUsages::COPY_DST),
            source: buffer(source_rows * plan.source_width * 3, input),
            axes: buffer(axes_length(plan) * 4, input),
            wide: buffer(source_rows * plan.width * WIDE_PIXEL, between),
            tall: buffer(tall_rows * plan.width * WIDE_PIXEL, between),
            mark: buffer(plan.mark.map_or(4, |mark| mark.rgba.len()), input),
            pixels: buffer(rows * plan.width * 4, between | BufferUsages::COPY_SRC),
            back: buffer(rows * plan.width * 4, BufferUsages::COPY_DST | BufferUsages::MAP_READ),
        }
    }

    fn group(&self, device: &Device, layout: &BindGroupLayout) -> BindGroup {
        let bound = [&self.band, &self.source, &self.axes, &self.wide, &self.tall, &self.mark, &self.pixels];
        let entries: Vec<_> = (0..)
            .zip(bound)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries })
    }
}

fn submit(
    device: &Device,
    queue: &Queue,
    pipelines: &Pipelines,
    group: &BindGroup,
    band: &BandParameters,
    and_then: impl FnOnce(&mut wgpu::CommandEncoder),
) {
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let rows = [band.source_rows, band.tall_rows, band.rows];
    for (pipeline, rows) in pipelines.passes.iter().zip(rows) {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, group, &[]);
        pass.dispatch_workgroups(band.width.div_ceil(WORKGROUP), rows, 1);
    }
    and_then(&mut encoder);
    queue.submit([encoder.finish()]);
}

fn parameters(plan: &Plan<'_>, rows: &Range<usize>) -> BandParameters {
    let (source_rows, tall_rows) = (plan.source_rows(rows), plan.with_neighbours(rows));
    let [mark_x, mark_y, mark_width, mark_height] = plan.mark.map_or([0; 4], |mark| [mark.x, mark.y, mark.width, mark.height]);
    BandParameters {
        source_width: plan.source_width as u32,
        width: plan.width as u32,
        height: plan.height as u32,
        source_start: source_rows.start as u32,
        source_rows: source_rows.len() as u32,
        tall_start: tall_rows.start as u32,
        tall_rows: tall_rows.len() as u32,
        start: rows.start as u32,
        rows: rows.len() as u32,
        across_taps: plan.across.taps as u32,
        down_taps: plan.down.taps as u32,
        mark_x,
        mark_y,
        mark_width,
        mark_height,
        weight: plan.weight,
    }
}

/// The band's source rows; copies have to be whole words long.
fn write_rows(queue: &Queue, buffer: &Buffer, source: &[u8], plan: &Plan<'_>, rows: &Range<usize>) {
    let source_rows = plan.source_rows(rows);
    let row = plan.source_width * 3;
    let bytes = &source[source_rows.start * row..source_rows.end * row];
    let (words, rest) = bytes.split_at(bytes.len() / 4 * 4);
    queue.write_buffer(buffer, 0, words);
    if !rest.is_empty() {
        let mut word = [0; 4];
        word[..rest.len()].copy_from_slice(rest);
        queue.write_buffer(buffer, words.len() as u64, &word);
    }
}

fn axes_length(plan: &Plan<'_>) -> usize {
    plan.width + plan.height + plan.across.weights.len() + plan.down.weights.len()
}

fn axes(plan: &Plan<'_>) -> Vec<u32> {
    let mut axes = Vec::with_capacity(axes_length(plan));
    axes.extend(&plan.across.first);
    axes.extend(&plan.down.first);
    axes.extend(plan.across.weights.iter().chain(&plan.down.weights).map(|weight| weight.to_bits()));
    axes
}
