//! The choice between fused operations and those composed of candle's.

use std::{cell::Cell, marker::PhantomData};

use candle_core::{DType, Tensor};

thread_local! {
    static FORCED: Cell<bool> = const { Cell::new(false) };
}

/// Makes the operations of this thread use their composed versions until the guard is dropped.
/// Tests reach in this way, on the CPU, what runs on other devices.
pub fn force() -> Forced {
    Forced {
        previous: FORCED.replace(true),
        this_thread: PhantomData,
    }
}

/// Restores the choice of its thread when dropped: see [`force`].
#[must_use = "the fallback is forced only while the guard lives"]
pub struct Forced {
    previous: bool,
    this_thread: PhantomData<*const ()>,
}

impl Drop for Forced {
    fn drop(&mut self) {
        FORCED.set(self.previous);
    }
}

/// Whether an operation on `tensor` runs as a fused kernel: on the CPU, in f32 or f64, and not
/// [forced](force) to its fallback.
pub fn fused(tensor: &Tensor) -> bool {
    tensor.device().is_cpu() && matches!(tensor.dtype(), DType::F32 | DType::F64) && !FORCED.get()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn fused_on_the_cpu_for_floats_unless_forced() {
        let zeros = |dtype| Tensor::zeros(2, dtype, &Device::Cpu).unwrap();
        assert!(fused(&zeros(DType::F32)) && fused(&zeros(DType::F64)));
        assert!(!fused(&zeros(DType::U32)));
        let outer = force();
        drop(force());
        assert!(!fused(&zeros(DType::F32)), "the outer guard still lives");
        drop(outer);
        assert!(fused(&zeros(DType::F32)));
    }
}
