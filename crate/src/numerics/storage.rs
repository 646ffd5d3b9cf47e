//! Borrowing the numbers of a tensor as a slice, with an error instead of a panic if that is
//! impossible.

use std::{
    marker::PhantomData,
    ops::{Deref, Range},
};

use candle_core::{CpuStorage, Layout, Result, Storage, StorageRef, Tensor, WithDType, bail};

use super::float::Float;

/// The elements of a contiguous tensor inside a [`CustomOp`](candle_core::CustomOp1), where candle
/// passes storage and layout apart.
///
/// # Errors
/// If the layout is not contiguous or the storage holds another type.
pub fn elements<'a, T: WithDType>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [T]> {
    Ok(&T::cpu_storage_as_slice(storage)?[range(layout)?])
}

/// The same, mutably, inside an [`InplaceOp`](candle_core::InplaceOp1).
///
/// # Errors
/// If the layout is not contiguous or the storage holds another type.
pub fn elements_mut<'a, T: Float>(
    storage: &'a mut CpuStorage,
    layout: &Layout,
) -> Result<&'a mut [T]> {
    Ok(&mut T::slice_of_mut(storage)?[range(layout)?])
}

/// The elements of a contiguous CPU tensor anywhere else, for instance in a backward pass. Its
/// storage is locked for reading while the value lives.
pub struct Elements<'a, T> {
    storage: StorageRef<'a>,
    range: Range<usize>,
    element: PhantomData<T>,
}

impl<'a, T: WithDType> Elements<'a, T> {
    /// Borrows all elements of `tensor`, in row-major order.
    ///
    /// # Errors
    /// If the tensor is not contiguous, not on the CPU or of another type.
    pub fn of(tensor: &'a Tensor) -> Result<Self> {
        let (storage, layout) = tensor.storage_and_layout();
        let range = range(layout)?;
        T::cpu_storage_as_slice(cpu(&storage)?)?;
        Ok(Self {
            storage,
            range,
            element: PhantomData,
        })
    }
}

impl<T: WithDType> Deref for Elements<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        let all = cpu(&self.storage).and_then(T::cpu_storage_as_slice);
        &all.expect("device and type were checked by `of`, and the storage is locked since")
            [self.range.clone()]
    }
}

fn cpu(storage: &Storage) -> Result<&CpuStorage> {
    match storage {
        Storage::Cpu(storage) => Ok(storage),
        _ => bail!("a fused operation needs its tensors on the CPU"),
    }
}

fn range(layout: &Layout) -> Result<Range<usize>> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(start..end),
        None => bail!("a fused operation needs contiguous tensors: call `.contiguous()?` first"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn a_narrowed_tensor_gives_its_own_elements_only() {
        let tensor = Tensor::arange(0f64, 6.0, &Device::Cpu).unwrap();
        let middle = tensor.narrow(0, 2, 3).unwrap();
        assert_eq!(&Elements::<f64>::of(&middle).unwrap()[..], [2.0, 3.0, 4.0]);
    }

    #[test]
    fn another_type_or_a_transposed_tensor_is_an_error() {
        let tensor = Tensor::zeros((2, 3), candle_core::DType::F32, &Device::Cpu).unwrap();
        assert!(Elements::<f64>::of(&tensor).is_err());
        let error = Elements::<f32>::of(&tensor.t().unwrap()).err().unwrap();
        assert!(error.to_string().contains("contiguous"), "{error}");
    }
}
