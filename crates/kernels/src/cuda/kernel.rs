//! Which kernels there are, and what a launch of one is.

use super::{Array, Format, Result, bug};

/// The headers of a device program, by the names they include each other by.
#[cfg(feature = "cuda")]
pub(super) const HEADERS: [(&str, &str); 7] = [
    ("device.cuh", include_str!("source/device.cuh")),
    ("numbers.cuh", include_str!("source/numbers.cuh")),
    ("product.cuh", include_str!("source/product.cuh")),
    ("attention.cuh", include_str!("source/attention.cuh")),
    ("norm.cuh", include_str!("source/norm.cuh")),
    ("elementwise.cuh", include_str!("source/elementwise.cuh")),
    ("step.cuh", include_str!("source/step.cuh")),
];

/// An instance of one of the templates.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kernel {
    /// The instance as C++ spells it: `attention<Half, 64, 64, 64, 4>`.
    pub expression: String,
    /// The header it is in, without its ending.
    pub header: &'static str,
    /// The type of its argument.
    pub work: &'static str,
    /// Threads of a block.
    pub threads: u32,
}

impl Kernel {
    pub(super) fn new(header: &'static str, work: &'static str, threads: u32, expression: String) -> Self {
        Self { expression, header, work, threads }
    }

    /// The device program, whose only function is `kernel`.
    #[cfg(feature = "cuda")]
    pub(super) fn program(&self) -> String {
        let Self { expression, header, work, threads } = self;
        format!(
            "#include \"{header}.cuh\"\nusing namespace easel;\nextern \"C\" __global__ void __launch_bounds__({threads}) \
             kernel(const __grid_constant__ {work} work) {{ {expression}(work); }}\n"
        )
    }

    /// Every kernel a Stable Diffusion model of either generation runs in `format`.
    pub fn all(format: Format) -> Vec<Self> {
        let mut all = super::product::kernels(format);
        all.extend([40, 64, 80, 160, 512].map(|size| super::attention::Plan::new(format, size).kernel(format, size)));
        all.extend(super::norm::kernels(format));
        all.extend(super::elementwise::kernels(format));
        all.extend(super::step::kernels(format));
        all
    }
}

/// One launch.
pub(super) struct Launch<'a> {
    pub kernel: &'a Kernel,
    pub grid: [u32; 3],
    /// Bytes of dynamic shared memory.
    pub shared: usize,
    /// The argument.
    pub work: &'a [u8],
}

/// An argument's bytes: exactly what the C++ struct of that name holds.
///
/// # Safety
/// The type is `repr(C)`, has no padding, and any bytes of it may be read.
pub(super) unsafe trait Work: Sized {
    fn bytes(&self) -> &[u8] {
        // SAFETY: as many bytes as the value has, all of them written, because there is no padding.
        unsafe { std::slice::from_raw_parts(std::ptr::from_ref(self).cast(), size_of::<Self>()) }
    }
}

/// How many blocks of `each` cover `count`.
pub(super) fn blocks(count: usize, each: usize) -> Result<u32> {
    match u32::try_from(count.div_ceil(each)) {
        Ok(blocks) if blocks <= i32::MAX as u32 => Ok(blocks),
        _ => bug(format!("{count} items are more than one launch takes")),
    }
}

/// The address of an array that may be absent.
pub(super) fn address(array: Option<&Array>) -> u64 {
    array.map_or(0, Array::address)
}
