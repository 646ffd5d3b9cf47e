//! The kernels below the operations: vector instructions, matrix products, sums, functions of f32,
//! and tensors as slices. The other rooms of the crate build on them; cells do not see them.

pub mod float;
pub mod gemm;
pub mod lanes;
pub mod level;
pub mod lines;
pub mod math;
pub mod planes;
pub mod reduce;
pub mod simd;
pub mod storage;
pub mod zeros;

/// Evaluates an expression with `$T` standing for the element type of a fused operation, f32 or
/// f64; any other type is an error that says so.
macro_rules! for_float {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            candle_core::DType::F32 => {
                type $T = f32;
                $body
            }
            candle_core::DType::F64 => {
                type $T = f64;
                $body
            }
            other => {
                Err(
                    $crate::Error::argument("the element type", format!("{other:?}"), "f32 or f64")
                        .into(),
                )
            }
        }
    };
}
pub(crate) use for_float;
