//! Numbers to draw, from tensors and lists, and their checks.

use candle_core::{DType, Device, Tensor};

use crate::{Error, Result};

/// What a figure takes numbers from: a tensor, or a list of numbers or of pairs `(x, y)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a tensor nor a list of numbers",
    label = "expected a `Tensor`, or a list such as `Vec<f64>` or `Vec<(f64, f64)>`"
)]
pub trait Values {
    /// The numbers as a tensor: `[n]` for `n` numbers, `[n, 2]` for pairs.
    ///
    /// # Errors
    /// Only if candle cannot make the tensor.
    fn values(&self) -> Result<Tensor>;
}

/// A number of a list, or a pair of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no number that can be drawn",
    label = "expected a list of numbers, such as `Vec<f64>`, or of pairs, such as `Vec<(f64, f64)>`"
)]
pub trait Value: Sized {
    /// A list of them as a tensor.
    ///
    /// # Errors
    /// Only if candle cannot make the tensor.
    fn tensor(list: &[Self]) -> Result<Tensor>;
}

/// A number of one of Rust's types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no number that can be drawn",
    label = "expected a number"
)]
pub trait Number: Copy {
    /// The number, or the nearest to it that there is.
    fn as_f64(self) -> f64;
}

macro_rules! numbers {
    ($($kind:ty: $stored:ty),*) => {$(
        impl Number for $kind {
            fn as_f64(self) -> f64 {
                self as f64
            }
        }

        impl Value for $kind {
            fn tensor(list: &[Self]) -> Result<Tensor> {
                let numbers: Vec<_> = list.iter().map(|&number| number as $stored).collect();
                Ok(Tensor::from_vec(numbers, list.len(), &Device::Cpu)?)
            }
        }
    )*};
}

numbers!(f32: f64, f64: f64, u8: i64, i32: i64, u32: i64, i64: i64, u64: i64, usize: i64);

impl<X: Number, Y: Number> Value for (X, Y) {
    fn tensor(list: &[Self]) -> Result<Tensor> {
        let numbers = list.iter().flat_map(|&(x, y)| [x.as_f64(), y.as_f64()]);
        let numbers: Vec<f64> = numbers.collect();
        Ok(Tensor::from_vec(numbers, (list.len(), 2), &Device::Cpu)?)
    }
}

impl Values for Tensor {
    fn values(&self) -> Result<Tensor> {
        Ok(self.clone())
    }
}

impl<T: Value> Values for [T] {
    fn values(&self) -> Result<Tensor> {
        T::tensor(self)
    }
}

impl<T: Value> Values for Vec<T> {
    fn values(&self) -> Result<Tensor> {
        T::tensor(self)
    }
}

impl<T: Value, const N: usize> Values for [T; N] {
    fn values(&self) -> Result<Tensor> {
        T::tensor(self)
    }
}

impl<V: Values + ?Sized> Values for &V {
    fn values(&self) -> Result<Tensor> {
        (**self).values()
    }
}

/// The numbers of a tensor, which must be finite. `what` is the name of one of them in the error.
pub(super) fn finite(what: &'static str, tensor: &Tensor) -> Result<Vec<f64>> {
    let values: Vec<f64> = tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?;
    check_finite(what, values.iter().copied())?;
    Ok(values)
}

/// Rejects NaN and infinity. `what` is the name of one of the values in the error.
pub(super) fn check_finite(
    what: &'static str,
    values: impl IntoIterator<Item = f64>,
) -> Result<()> {
    match values
        .into_iter()
        .enumerate()
        .find(|(_, value)| !value.is_finite())
    {
        None => Ok(()),
        Some((place, value)) => Err(Error::argument(
            what,
            format!("{value} (number {place})"),
            "finite to be drawn; a training that diverged gives such numbers",
        )),
    }
}
