//! Display of the value of a cell's last expression.

use std::any::TypeId;
use std::fmt::{Debug, Write};
use std::sync::{PoisonError, RwLock};

use candle_core::{DType, Tensor, Var};

use super::{Contents, show_as_value};

/// Gives every value with `Debug` a way to show itself in a notebook. Types with their own
/// `evcxr_display` keep it.
#[doc(hidden)]
pub trait Show {
    /// Shows the value; the engine calls it for a cell's last expression.
    fn evcxr_display(&self);
}

impl<T: Debug + ?Sized> Show for T {
    // This is compiled in the cell, so there is as little of it as possible.
    fn evcxr_display(&self) {
        let address: *const T = self;
        // SAFETY: `self` is a living `T`.
        unsafe { show_value(typeid::of::<T>(), address.cast(), &self) };
    }
}

/// Shows a value: what is at `address`, has the type `kind`, and prints as `value`.
///
/// # Safety
/// As [`tensor`].
unsafe fn show_value(kind: TypeId, address: *const (), value: &dyn Debug) {
    if kind == TypeId::of::<()>() {
        return;
    }
    // SAFETY: the caller's promise.
    if let Some(contents) = unsafe { by_library(kind, address) } {
        return show_as_value(contents);
    }
    // SAFETY: the caller's promise.
    let text = match unsafe { tensor(kind, address) } {
        Some(tensor) => describe(tensor),
        None => format!("{value:?}"),
    };
    show_as_value(Contents::text(text));
}

/// How a library shows the values of a type that is not its own: from an address to the contents.
type Shows = Box<dyn Fn(*const ()) -> Contents + Send + Sync>;

static SHOWS: RwLock<Vec<(TypeId, Shows)>> = RwLock::new(Vec::new());

/// Makes cells show values of a type with `contents`, which returns representations by MIME type.
/// This is for libraries that show types of other libraries; their own types have a method
/// `evcxr_display(&self)`.
pub fn show_values_with<T: 'static>(contents: fn(&T) -> Contents) {
    // SAFETY: `by_library` looks for the type that the address is of.
    let value: Shows = Box::new(move |address| contents(unsafe { &*address.cast::<T>() }));
    // SAFETY: as above.
    let reference: Shows = Box::new(move |address| contents(unsafe { *address.cast::<&T>() }));
    let mut shows = SHOWS.write().unwrap_or_else(PoisonError::into_inner);
    shows.push((typeid::of::<T>(), value));
    shows.push((typeid::of::<&T>(), reference));
}

/// The representations that a library has registered for the type of the value at `address`, if
/// any.
///
/// # Safety
/// As [`tensor`].
unsafe fn by_library(kind: TypeId, address: *const ()) -> Option<Contents> {
    let shows = SHOWS.read().unwrap_or_else(PoisonError::into_inner);
    let (_, show) = shows.iter().find(|(known, _)| *known == kind)?;
    Some(show(address))
}

/// The tensor at `address`, if its type is a tensor's.
///
/// # Safety
/// `address` must be that of a living value of the type `kind`.
unsafe fn tensor<'a>(kind: TypeId, address: *const ()) -> Option<&'a Tensor> {
    // SAFETY: each pointer is cast to the type that its type's identity names.
    unsafe {
        if kind == typeid::of::<Tensor>() {
            Some(&*address.cast::<Tensor>())
        } else if kind == typeid::of::<&Tensor>() {
            Some(*address.cast::<&Tensor>())
        } else if kind == typeid::of::<Var>() {
            Some((*address.cast::<Var>()).as_tensor())
        } else {
            None
        }
    }
}

/// The number of values of a tensor that are shown.
const FEW: usize = 8;

/// Shape, type, range and a few values: `Tensor [2, 3] f32, from 0 to 5, mean 2.5: 0, 1, 2, …`.
fn describe(tensor: &Tensor) -> String {
    let mut text = format!("Tensor {:?} {}", tensor.dims(), tensor.dtype().as_str());
    match values(tensor) {
        Ok(values) if values.is_empty() => text.push_str(", empty"),
        Ok(values) => describe_values(&mut text, &values),
        Err(error) => {
            // Writing to a string cannot fail.
            let _ = write!(text, ", whose values cannot be read: {error}");
        }
    }
    text
}

fn values(tensor: &Tensor) -> candle_core::Result<Vec<f64>> {
    tensor.flatten_all()?.to_dtype(DType::F64)?.to_vec1()
}

fn describe_values(text: &mut String, values: &[f64]) {
    if values.len() > 1 {
        let (mut low, mut high, mut sum, mut strange) = (f64::INFINITY, f64::NEG_INFINITY, 0.0, 0);
        for &value in values {
            if value.is_finite() {
                (low, high, sum) = (low.min(value), high.max(value), sum + value);
            } else {
                strange += 1;
            }
        }
        let finite = values.len() - strange;
        if finite > 0 {
            let mean = sum / finite as f64;
            *text += &format!(
                ", from {} to {}, mean {}",
                short(low),
                short(high),
                short(mean)
            );
        }
        if strange > 0 {
            *text += &format!(", {strange} not finite");
        }
    }
    let few: Vec<String> = values.iter().take(FEW).map(|value| short(*value)).collect();
    *text += &format!(": {}", few.join(", "));
    if values.len() > FEW {
        text.push_str(", …");
    }
}

/// A number with five significant digits.
fn short(value: f64) -> String {
    let size = value.abs();
    if value == value.trunc() && size < 1e9 || !value.is_finite() {
        return format!("{value}");
    }
    if !(1e-4..1e6).contains(&size) {
        return format!("{value:.4e}");
    }
    let digits = (4 - size.log10().floor() as i32).max(0) as usize;
    let text = format!("{value:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn a_tensor_is_shown_by_shape_type_and_a_few_values() {
        let grid = Tensor::arange(0f32, 6.0, &Device::Cpu)
            .unwrap()
            .reshape((2, 3))
            .unwrap();
        assert_eq!(
            describe(&grid),
            "Tensor [2, 3] f32, from 0 to 5, mean 2.5: 0, 1, 2, 3, 4, 5"
        );
        let many = Tensor::full(0.123_456f32, (100, 100), &Device::Cpu).unwrap();
        assert!(describe(&many).ends_with("mean 0.12346: 0.12346, 0.12346, 0.12346, 0.12346, 0.12346, 0.12346, 0.12346, 0.12346, …"));
        let label = Tensor::new(7u32, &Device::Cpu).unwrap();
        assert_eq!(describe(&label), "Tensor [] u32: 7");
        let empty = Tensor::zeros((0, 3), DType::F32, &Device::Cpu).unwrap();
        assert_eq!(describe(&empty), "Tensor [0, 3] f32, empty");
    }

    #[test]
    fn what_is_not_finite_is_counted() {
        let broken = Tensor::new(&[1f32, f32::NAN, f32::INFINITY], &Device::Cpu).unwrap();
        assert_eq!(
            describe(&broken),
            "Tensor [3] f32, from 1 to 1, mean 1, 2 not finite: 1, NaN, inf"
        );
    }

    #[test]
    fn a_library_can_show_values_of_another() {
        struct Table(u32);
        let shown = |table: &Table| {
            // SAFETY: `table` is a living `Table`.
            let by_value = unsafe { by_library(TypeId::of::<Table>(), (&raw const *table).cast()) };
            // SAFETY: as above, for the reference.
            let by_reference =
                unsafe { by_library(TypeId::of::<&Table>(), (&raw const table).cast()) };
            assert_eq!(by_value, by_reference);
            by_value
        };
        assert_eq!(shown(&Table(3)), None);
        show_values_with(|table: &Table| Contents::text(table.0.to_string()));
        assert_eq!(shown(&Table(3)), Some(Contents::text("3")));
    }

    #[test]
    fn only_tensors_are_taken_for_tensors() {
        fn is_tensor<T: ?Sized>(value: &T) -> bool {
            let address: *const T = value;
            // SAFETY: `value` is a living `T`.
            unsafe { tensor(typeid::of::<T>(), address.cast()) }.is_some()
        }
        let grid = Tensor::zeros(2, DType::F32, &Device::Cpu).unwrap();
        let var = Var::from_tensor(&grid).unwrap();
        assert!(is_tensor(&grid) && is_tensor(&&grid) && is_tensor(&var));
        assert!(!is_tensor(&vec![grid]) && !is_tensor("text") && !is_tensor(&1));
    }
}
