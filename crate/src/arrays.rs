//! Tensors as arrays of `ndarray` and data sets of `linfa`, and back.

use candle_core::{DType, Device, Tensor, WithDType};
use linfa::dataset::{AsSingleTargets, Dataset, DatasetBase};
use ndarray::{Array, Array1, Array2, ArrayBase, ArrayD, ArrayView1, Data, Dimension, Ix1, Ix2};

use crate::metrics::labels;
use crate::{Error, Result};

/// Conversion of tensors to arrays.
///
/// ```
/// use cuaderno::{ndarray::Array2, prelude::*};
///
/// let x = Tensor::new(&[[1f32, 2.0], [3.0, 4.0]], &Device::Cpu)?;
/// let array: Array2<f64> = x.to_array()?;
/// assert_eq!(array.sum(), 10.0);
/// assert_eq!(array.into_tensor()?.to_vec2::<f64>()?, [[1.0, 2.0], [3.0, 4.0]]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub trait ToArray {
    /// Copies the numbers to an array, converting them to `T` if they have another type.
    ///
    /// # Errors
    /// If the array and the tensor have different numbers of dimensions.
    fn to_array<T: WithDType, D: Dimension>(&self) -> Result<Array<T, D>>;
}

impl ToArray for Tensor {
    fn to_array<T: WithDType, D: Dimension>(&self) -> Result<Array<T, D>> {
        let flat = self.flatten_all()?.to_dtype(T::DTYPE)?.to_vec1()?;
        let array = ArrayD::from_shape_vec(self.dims(), flat).map_err(linfa::Error::from)?;
        array.into_dimensionality().map_err(|_| {
            Error::shape(
                "to_array",
                format!(
                    "the tensor {:?} has {} dimensions, but the array has {}; `.flatten_from(1)?` \
                     makes rows of images.",
                    self.dims(),
                    self.rank(),
                    D::NDIM.unwrap_or_default()
                ),
            )
        })
    }
}

/// Conversion of arrays to tensors.
pub trait IntoTensor {
    /// Turns the array into a tensor on the CPU. An array that owns its numbers in row-major order
    /// is not copied; a view, or an array in another order, is.
    ///
    /// # Errors
    /// Only if candle cannot make the tensor.
    fn into_tensor(self) -> Result<Tensor>;
}

impl<T: WithDType, S: Data<Elem = T>, D: Dimension> IntoTensor for ArrayBase<S, D> {
    fn into_tensor(self) -> Result<Tensor> {
        let dims = self.shape().to_vec();
        let count = self.len();
        let is_in_order = self.is_standard_layout();
        let array = self.into_owned();
        let numbers = if is_in_order && array.is_standard_layout() {
            let (mut numbers, offset) = array.into_raw_vec_and_offset();
            numbers.truncate(offset.unwrap_or(0) + count);
            numbers.drain(..offset.unwrap_or(0));
            numbers
        } else {
            array.iter().copied().collect()
        };
        Ok(Tensor::from_vec(numbers, dims, &Device::Cpu)?)
    }
}

/// Copies examples `x` `[n, …]` and their `labels` `[n]` (u32 or i64) to a linfa data set with a
/// row for each example.
///
/// ```
/// use cuaderno::{arrays::to_dataset, prelude::*};
///
/// let digits = Mnist::sample()?.train;
/// let dataset = to_dataset::<f64>(&digits.images, &digits.labels)?;
/// assert_eq!(dataset.records.dim(), (1500, 784));
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the labels have another shape or type, or their number differs from that of the examples.
pub fn to_dataset<F: linfa::Float + WithDType>(
    x: &Tensor,
    labels: &Tensor,
) -> Result<Dataset<F, usize, Ix1>> {
    let operation = "to_dataset";
    let labels = labels::read(operation, labels)?;
    if x.rank() == 0 || x.dims()[0] != labels.len() {
        return Err(Error::shape(
            operation,
            format!(
                "the examples are {:?}, but there are {} labels; each example needs one.",
                x.dims(),
                labels.len()
            ),
        ));
    }
    let n = labels.len();
    let records: Array2<F> = x.reshape((n, x.elem_count() / n.max(1)))?.to_array()?;
    let targets: Array1<usize> = labels.into_iter().map(|label| label as usize).collect();
    Ok(Dataset::new(records, targets))
}

/// The records `[n, d]`, as f32, and the targets `[n]`, as u32, of a linfa data set. Records that
/// are an f32 array in row-major order are not copied.
///
/// ```
/// use cuaderno::{arrays::{from_dataset, to_dataset}, prelude::*};
///
/// let digits = Mnist::sample()?.train;
/// let dataset = to_dataset::<f32>(&digits.images, &digits.labels)?;
/// let (rows, labels) = from_dataset(dataset)?;
/// assert_eq!((rows.dims(), labels.dims()), (&[1500, 784][..], &[1500][..]));
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If a target does not fit into 32 bits.
pub fn from_dataset<F, S, T>(dataset: DatasetBase<ArrayBase<S, Ix2>, T>) -> Result<(Tensor, Tensor)>
where
    F: linfa::Float + WithDType,
    S: Data<Elem = F>,
    T: AsSingleTargets<Elem = usize>,
{
    let labels = labels_to_tensor(dataset.targets.as_single_targets())?;
    let rows = dataset.records.into_tensor()?.to_dtype(DType::F32)?;
    Ok((rows, labels))
}

/// Converts linfa's labels, usize, to a tensor of u32.
///
/// # Errors
/// If one does not fit into 32 bits.
pub(crate) fn labels_to_tensor(labels: ArrayView1<usize>) -> Result<Tensor> {
    let label = |(row, &label): (usize, &usize)| {
        u32::try_from(label).map_err(|_| {
            Error::argument(
                "a label",
                format!("{label} in row {row}"),
                "a class number within 32 bits",
            )
        })
    };
    let labels: Vec<u32> = labels
        .iter()
        .enumerate()
        .map(label)
        .collect::<Result<_>>()?;
    let n = labels.len();
    Ok(Tensor::from_vec(labels, n, &Device::Cpu)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, array, s};

    fn numbers(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn a_transposed_or_narrowed_tensor_is_read_in_its_own_order() {
        let x = Tensor::arange(0f32, 12.0, &Device::Cpu).unwrap();
        let x = x.reshape((3, 4)).unwrap();
        let array: Array2<f32> = x.t().unwrap().narrow(0, 1, 2).unwrap().to_array().unwrap();
        assert_eq!(array, array![[1.0, 5.0, 9.0], [2.0, 6.0, 10.0]]);
        let error = x.to_array::<f32, ndarray::Ix1>().unwrap_err().to_string();
        assert_eq!(
            error,
            "to_array: the tensor [3, 4] has 2 dimensions, but the array has 1; \
             `.flatten_from(1)?` makes rows of images."
        );
    }

    #[test]
    fn an_array_hands_over_what_it_owns_and_copies_what_it_does_not() {
        let array = Array3::from_shape_fn((2, 3, 4), |(i, j, k)| (12 * i + 4 * j + k) as f32);
        let first = array.as_ptr();
        let tensor = array.clone().into_tensor().unwrap();
        assert_eq!(tensor.dims(), [2, 3, 4]);
        assert_eq!(
            numbers(&tensor),
            (0..24).map(|i| i as f32).collect::<Vec<_>>()
        );
        let moved = array.clone();
        let at = moved.as_ptr();
        let tensor = moved.into_tensor().unwrap();
        let elements = crate::numerics::storage::Elements::<f32>::of(&tensor).unwrap();
        assert_eq!(elements.as_ptr(), at);
        assert_ne!(elements.as_ptr(), first);

        let turned = array.view().reversed_axes().into_tensor().unwrap();
        assert_eq!(turned.dims(), [4, 3, 2]);
        assert_eq!(numbers(&turned)[..4], [0.0, 12.0, 4.0, 16.0]);
        let part = array.slice(s![1, 1..3, ..]).into_tensor().unwrap();
        assert_eq!(
            numbers(&part),
            (16..24).map(|i| i as f32).collect::<Vec<_>>()
        );
        // An owned array that is only a part of its buffer.
        let part = array.slice_move(s![1, 1..2, ..]).into_tensor().unwrap();
        assert_eq!(numbers(&part), [16.0, 17.0, 18.0, 19.0]);
    }

    #[test]
    fn a_data_set_comes_back_as_it_went() {
        let x = crate::Rng::new(1).normal(0.0, 1.0, &[5, 1, 2, 2]).unwrap();
        let labels = Tensor::new(&[3u32, 0, 7, 7, 1], &Device::Cpu).unwrap();
        let dataset = to_dataset::<f64>(&x, &labels).unwrap();
        assert_eq!(dataset.records.dim(), (5, 4));
        assert_eq!(dataset.targets, array![3, 0, 7, 7, 1]);
        let (rows, back) = from_dataset(dataset).unwrap();
        assert_eq!(numbers(&rows), numbers(&x));
        assert_eq!(back.to_vec1::<u32>().unwrap(), [3, 0, 7, 7, 1]);
        let error = to_dataset::<f32>(&x, &labels.narrow(0, 0, 4).unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "to_dataset: the examples are [5, 1, 2, 2], but there are 4 labels; each example needs \
             one."
        );
        let far = Dataset::new(array![[0f32]], array![1usize << 32]);
        assert!(
            from_dataset(far)
                .unwrap_err()
                .to_string()
                .contains("4294967296 in row 0")
        );
    }
}
