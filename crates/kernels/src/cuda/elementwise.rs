//! What treats numbers one by one or only moves them. The kernels are in `source/elementwise.cuh`.

use super::{
    Array, Format, Kernel, Machine, Result, bug, int,
    kernel::{Work, blocks},
    product::code,
};
use crate::cpu::Activation;

pub(super) const THREADS: usize = 256;
/// Units that pixels are moved in, widest first: bytes and the C++ type.
const UNITS: [(usize, &str); 4] = [(16, "Unit16"), (8, "Unit8"), (4, "u32"), (2, "u16")];

#[repr(C)]
struct ElementsWork {
    x: u64,
    y: u64,
    out: u64,
    count: i64,
    activation: i32,
    unused: i32,
}

// SAFETY: the fields are those of the C++ struct in their order; `unused` stands where C++ pads.
unsafe impl Work for ElementsWork {}

#[repr(C)]
struct MoveWork {
    x: u64,
    out: u64,
    count: i64,
    side: [i32; 2],
    units: i32,
    out_side: [i32; 2],
    out_units: i32,
    start: i32,
    unused: i32,
}

// SAFETY: the fields are those of the C++ struct in their order; `unused` stands where C++ pads.
unsafe impl Work for MoveWork {}

fn elements(expression: String) -> Kernel {
    Kernel::new("elementwise", "ElementsWork", THREADS as u32, expression)
}

fn moving(name: &str, unit: &str) -> Kernel {
    Kernel::new("elementwise", "MoveWork", THREADS as u32, format!("{name}<{unit}>"))
}

pub(super) fn kernels(format: Format) -> Vec<Kernel> {
    let cpp = format.cpp();
    let mut all = vec![elements(format!("activate<{cpp}>")), elements(format!("add<{cpp}>"))];
    all.extend(super::low_rank::kernels(format));
    if format != Format::F32 {
        all.extend([elements(format!("convert<float, {cpp}>")), elements(format!("convert<{cpp}, float>"))]);
    }
    let units = UNITS.iter().filter(|(bytes, _)| *bytes >= format.bytes());
    all.extend(units.flat_map(|(_, unit)| ["upsample", "pad", "place"].map(|name| moving(name, unit))));
    all
}

impl Machine {
    /// The same numbers in another format; the same array where it is that already.
    pub fn convert(&self, x: &Array, to: Format) -> Result<Array> {
        if x.format() == to {
            return Ok(x.clone());
        }
        if x.format() != Format::F32 && to != Format::F32 {
            return self.convert(&self.convert(x, Format::F32)?, to);
        }
        let out = Array::unwritten(self, to, x.len())?;
        let kernel = elements(format!("convert<{}, {}>", x.format().cpp(), to.cpp()));
        self.elements(&kernel, x, None, &out, 1, Activation::None)?;
        Ok(out)
    }

    /// An activation.
    pub fn activate(&self, x: &Array, activation: Activation) -> Result<Array> {
        let out = Array::unwritten(self, x.format(), x.len())?;
        let each = 16 / x.format().bytes();
        self.elements(&elements(format!("activate<{}>", x.format().cpp())), x, None, &out, each, activation)?;
        Ok(out)
    }

    /// The sum of two arrays of one format.
    pub fn add(&self, x: &Array, y: &Array) -> Result<Array> {
        if (x.len(), x.format()) != (y.len(), y.format()) {
            return bug(format!("{x:?} and {y:?} are added"));
        }
        let out = Array::unwritten(self, x.format(), x.len())?;
        let each = 16 / x.format().bytes();
        self.elements(&elements(format!("add<{}>", x.format().cpp())), x, Some(y), &out, each, Activation::None)?;
        Ok(out)
    }

    /// `x`, `y` and `out` have one length; a thread has `each` numbers.
    fn elements(
        &self,
        kernel: &Kernel,
        x: &Array,
        y: Option<&Array>,
        out: &Array,
        each: usize,
        activation: Activation,
    ) -> Result<()> {
        let work = ElementsWork {
            x: x.address(),
            y: super::kernel::address(y),
            out: out.address(),
            count: x.len() as i64,
            activation: code(activation),
            unused: 0,
        };
        // SAFETY: the lengths agree, and the kernel checks the last number.
        unsafe { self.launch(kernel, [blocks(x.len(), each * THREADS)?, 1, 1], 0, &work) }
    }

    /// Nearest-neighbour upsampling of (rows, height, width, channels) maps to another side.
    pub fn upsample(&self, x: &Array, rows: usize, side: [usize; 2], to: [usize; 2]) -> Result<Array> {
        self.resized("upsample", x, rows, side, to)
    }

    /// Zeros appended to (rows, height, width, channels) maps at the right and at the bottom.
    pub fn pad_bottom_right(&self, x: &Array, rows: usize, side: [usize; 2], pixels: usize) -> Result<Array> {
        self.resized("pad", x, rows, side, side.map(|side| side + pixels))
    }

    fn resized(&self, name: &str, x: &Array, rows: usize, side: [usize; 2], to: [usize; 2]) -> Result<Array> {
        let channels = x.len().checked_div(rows * side[0] * side[1]).unwrap_or(0);
        if channels == 0 || x.len() != rows * side[0] * side[1] * channels {
            return bug(format!("{rows} maps of {side:?} pixels are taken of {x:?}"));
        }
        let out = Array::unwritten(self, x.format(), rows * to[0] * to[1] * channels)?;
        let (bytes, unit) = unit(&[channels], x.format());
        let units = channels * x.format().bytes() / bytes;
        let count = rows * to[0] * to[1] * units;
        let work = MoveWork {
            x: x.address(),
            out: out.address(),
            count: count as i64,
            side: [int(side[0])?, int(side[1])?],
            units: int(units)?,
            out_side: [int(to[0])?, int(to[1])?],
            out_units: int(units)?,
            start: 0,
            unused: 0,
        };
        // SAFETY: both lengths follow from the shapes; every place read is inside the map by the kernel's own arithmetic.
        unsafe { self.launch(&moving(name, unit), [blocks(count, THREADS)?, 1, 1], 0, &work)? };
        Ok(out)
    }

    /// Joins maps of as many pixels along their channels; each part comes with how many it has.
    pub fn concat_channels(&self, parts: &[(&Array, usize)], pixels: usize) -> Result<Array> {
        let Some(format) = parts.first().map(|(part, _)| part.format()) else { return bug("no maps are joined") };
        if parts.iter().any(|(part, channels)| part.len() != pixels * channels || part.format() != format) {
            return bug(format!("{parts:?} of {pixels} pixels are joined"));
        }
        let channels: Vec<usize> = parts.iter().map(|(_, channels)| *channels).collect();
        let (bytes, unit) = unit(&channels, format);
        let units = |channels: usize| int(channels * format.bytes() / bytes);
        let all = channels.iter().sum::<usize>();
        let out = Array::unwritten(self, format, pixels * all)?;
        let mut start = 0;
        for (part, channels) in parts {
            let count = part.bytes() / bytes;
            let work = MoveWork {
                x: part.address(),
                out: out.address(),
                count: count as i64,
                side: [1, 1],
                units: units(*channels)?,
                out_side: [1, 1],
                out_units: units(all)?,
                start: units(start)?,
                unused: 0,
            };
            // SAFETY: the parts' channels add up to those of the result.
            unsafe { self.launch(&moving("place", unit), [blocks(count, THREADS)?, 1, 1], 0, &work)? };
            start += channels;
        }
        Ok(out)
    }
}

/// The widest unit that divides pixels of as many channels each.
fn unit(channels: &[usize], format: Format) -> (usize, &'static str) {
    let fits = |bytes: usize| channels.iter().all(|channels| (channels * format.bytes()).is_multiple_of(bytes));
    UNITS.into_iter().find(|(bytes, _)| fits(*bytes)).unwrap_or(UNITS[UNITS.len() - 1])
}
