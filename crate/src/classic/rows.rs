//! Inputs of the methods of this room: tensors, or linfa's arrays and data sets.

use candle_core::{DType, Device, Tensor};
use linfa::Float;
use linfa::dataset::{AsSingleTargets, DatasetBase};
use ndarray::{Array1, Array2, ArrayBase, Data, Ix2};

use crate::arrays::{ToArray, labels_to_tensor};
use crate::{Error, Result};

/// Examples in rows, in one of the forms that the methods of this room take. The methods start from
/// f32 numbers; arrays of f64 are rounded to f32 first.
///
/// | given | `transform` gives | `predict` gives |
/// |---|---|---|
/// | `&Tensor` `[n, d]` of f32 | `Result<Tensor>` | `Result<Tensor>` |
/// | an array `[n, d]` of f32 or f64 | `Array2` | a data set with classes as targets |
/// | `&array` | `Array2` | `Array1<usize>` |
/// | a data set of linfa | the data set with new records | the data set with classes as targets |
/// | `&dataset` | `Array2` | `Array1<usize>` |
///
/// Arrays and data sets are answered as linfa's traits prescribe, which have no errors: those that
/// do not fit panic. A tensor that does not fit is an error.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a set of rows",
    note = "give a tensor [n, d] by reference, `&x`, or an array or data set of linfa's"
)]
pub trait Rows: Sized {
    /// The result of a method that turns each row into another row.
    type Transformed;

    /// The result of a method that predicts a class for each row.
    type Classified;

    /// The rows as a tensor `[n, d]`; arrays are copied.
    ///
    /// # Errors
    /// Only if candle cannot make the tensor.
    fn to_tensor(&self) -> Result<Tensor>;

    /// The new rows `[n, e]`, f32, in the form of the result.
    fn transformed(self, rows: Result<Tensor>) -> Self::Transformed;

    /// The classes `[n]`, u32, in the form of the result.
    fn classified(self, classes: Result<Tensor>) -> Self::Classified;
}

impl Rows for &Tensor {
    type Transformed = Result<Tensor>;
    type Classified = Result<Tensor>;

    fn to_tensor(&self) -> Result<Tensor> {
        Ok((*self).clone())
    }

    fn transformed(self, rows: Result<Tensor>) -> Result<Tensor> {
        rows
    }

    fn classified(self, classes: Result<Tensor>) -> Result<Tensor> {
        classes
    }
}

impl<F: Float, S: Data<Elem = F>> Rows for &ArrayBase<S, Ix2> {
    type Transformed = Array2<F>;
    type Classified = Array1<usize>;

    fn to_tensor(&self) -> Result<Tensor> {
        let narrow = |value: &F| value.to_f32().unwrap_or(f32::NAN);
        let values: Vec<f32> = self.iter().map(narrow).collect();
        Ok(Tensor::from_vec(values, self.dim(), &Device::Cpu)?)
    }

    fn transformed(self, rows: Result<Tensor>) -> Array2<F> {
        to_array(rows)
    }

    fn classified(self, classes: Result<Tensor>) -> Array1<usize> {
        to_labels(classes)
    }
}

impl<F: Float, S: Data<Elem = F>> Rows for ArrayBase<S, Ix2> {
    type Transformed = Array2<F>;
    type Classified = DatasetBase<Self, Array1<usize>>;

    fn to_tensor(&self) -> Result<Tensor> {
        (&self).to_tensor()
    }

    fn transformed(self, rows: Result<Tensor>) -> Array2<F> {
        to_array(rows)
    }

    fn classified(self, classes: Result<Tensor>) -> Self::Classified {
        DatasetBase::new(self, to_labels(classes))
    }
}

impl<F: Float, S: Data<Elem = F>, T> Rows for &DatasetBase<ArrayBase<S, Ix2>, T> {
    type Transformed = Array2<F>;
    type Classified = Array1<usize>;

    fn to_tensor(&self) -> Result<Tensor> {
        self.records.to_tensor()
    }

    fn transformed(self, rows: Result<Tensor>) -> Array2<F> {
        to_array(rows)
    }

    fn classified(self, classes: Result<Tensor>) -> Array1<usize> {
        to_labels(classes)
    }
}

impl<F: Float, S: Data<Elem = F>, T> Rows for DatasetBase<ArrayBase<S, Ix2>, T> {
    type Transformed = DatasetBase<Array2<F>, T>;
    type Classified = DatasetBase<ArrayBase<S, Ix2>, Array1<usize>>;

    fn to_tensor(&self) -> Result<Tensor> {
        self.records.to_tensor()
    }

    fn transformed(self, rows: Result<Tensor>) -> Self::Transformed {
        // Like linfa's `with_records`, without names for the new columns.
        self.with_records(to_array(rows))
    }

    fn classified(self, classes: Result<Tensor>) -> Self::Classified {
        self.with_targets(to_labels(classes))
    }
}

/// Rows with their classes: a pair of tensors `(&x, &labels)` or one of linfa's data sets.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a set of rows with labels",
    note = "give a pair of tensors, `(&x, &labels)`, or a data set of linfa's by reference"
)]
pub trait LabelledRows {
    /// The rows `[n, d]` and their labels `[n]`, u32 or i64.
    ///
    /// # Errors
    /// If a label does not fit into 32 bits.
    fn to_tensors(&self) -> Result<(Tensor, Tensor)>;
}

impl LabelledRows for (&Tensor, &Tensor) {
    fn to_tensors(&self) -> Result<(Tensor, Tensor)> {
        Ok((self.0.clone(), self.1.clone()))
    }
}

impl<F, S, T> LabelledRows for &DatasetBase<ArrayBase<S, Ix2>, T>
where
    F: Float,
    S: Data<Elem = F>,
    T: AsSingleTargets<Elem = usize>,
{
    fn to_tensors(&self) -> Result<(Tensor, Tensor)> {
        let labels = labels_to_tensor(self.targets.as_single_targets())?;
        Ok((self.to_tensor()?, labels))
    }
}

/// linfa's traits have no errors here.
fn expect<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error: Error| panic!("{error}"))
}

fn to_array<F: Float>(rows: Result<Tensor>) -> Array2<F> {
    let array = rows.and_then(|rows| rows.to_dtype(DType::F32)?.to_array::<f32, Ix2>());
    expect(array).mapv(F::cast)
}

fn to_labels(classes: Result<Tensor>) -> Array1<usize> {
    let classes = expect(classes.and_then(|classes| Ok(classes.to_vec1::<u32>()?)));
    classes.into_iter().map(|class| class as usize).collect()
}
