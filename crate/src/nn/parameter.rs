//! Parameters: handles that share their values, under stable and ordered names.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use candle_core::{DType, Device, Tensor, Var};

use crate::Result;

thread_local! {
    static GRADIENTS: Cell<bool> = const { Cell::new(true) };
}

/// Runs `f` with every [`Parameter`] detached, like PyTorch's `no_grad`. No graph is kept, so an
/// evaluation over a whole data set needs the memory of one layer.
///
/// ```
/// use cuaderno::{nn::{Dense, Plan, no_grad}, prelude::*};
/// let layer = Dense::units(2).build(&[3], &mut Rng::new(1))?;
/// let x = Rng::new(2).normal(0.0, 1.0, &[5, 3])?;
/// assert!(layer.forward(&x)?.track_op());
/// assert!(!no_grad(|| layer.forward(&x))?.track_op());
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn no_grad<T>(f: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            GRADIENTS.set(self.0);
        }
    }
    let _restore = Restore(GRADIENTS.replace(false));
    f()
}

/// A tensor that belongs to a layer. A clone is a second handle on the same values.
///
/// A parameter is trainable until it is frozen. A *buffer*, such as the running mean of a batch
/// norm, is saved and loaded like a parameter but never trained.
#[derive(Clone, Debug)]
pub struct Parameter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    var: RwLock<Var>,
    buffer: bool,
    frozen: AtomicBool,
}

impl Parameter {
    /// A trainable parameter with a copy of `values`.
    ///
    /// # Errors
    /// If the values cannot be copied.
    pub fn new(values: &Tensor) -> Result<Self> {
        Self::share(values, false)
    }

    /// A buffer with a copy of `values`, which are part of the layer's state but not trained.
    ///
    /// # Errors
    /// If the values cannot be copied.
    pub fn buffer(values: &Tensor) -> Result<Self> {
        Self::share(values, true)
    }

    /// A handle on an existing variable.
    pub(crate) fn of_var(var: Var) -> Self {
        Self::hold(var, false)
    }

    fn share(values: &Tensor, buffer: bool) -> Result<Self> {
        Ok(Self::hold(copy(values)?, buffer))
    }

    fn hold(var: Var, buffer: bool) -> Self {
        Self(Arc::new(Shared {
            var: RwLock::new(var),
            buffer,
            frozen: AtomicBool::new(false),
        }))
    }

    /// The values as a tensor to compute with. Gradients flow into them unless the parameter is
    /// frozen, a buffer, or used within [`no_grad`].
    pub fn tensor(&self) -> Tensor {
        let var = self.var();
        if self.is_trainable() && GRADIENTS.get() {
            var.into_inner()
        } else {
            var.as_detached_tensor()
        }
    }

    /// The variable, which an optimiser updates and `GradStore::get` takes.
    pub fn var(&self) -> Var {
        self.lock().clone()
    }

    /// The shape of the values.
    pub fn dims(&self) -> Vec<usize> {
        self.lock().dims().to_vec()
    }

    /// Replaces the values in place, for every handle.
    ///
    /// # Errors
    /// If the shape differs.
    pub fn set(&self, values: &Tensor) -> Result<()> {
        Ok(self.lock().set(values)?)
    }

    /// Whether training changes it, which is true unless it is a buffer or frozen.
    pub fn is_trainable(&self) -> bool {
        !self.0.buffer && !self.0.frozen.load(Ordering::Relaxed)
    }

    /// Keeps training from changing it, for every handle.
    pub fn freeze(&self) {
        self.0.frozen.store(true, Ordering::Relaxed);
    }

    /// Undoes [`Parameter::freeze`].
    pub fn unfreeze(&self) {
        self.0.frozen.store(false, Ordering::Relaxed);
    }

    fn lock(&self) -> RwLockReadGuard<'_, Var> {
        self.0.var.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self, values: &Tensor) -> Result<()> {
        let var = copy(values)?;
        let mut shared = self.0.var.write().unwrap_or_else(PoisonError::into_inner);
        *shared = var;
        Ok(())
    }
}

/// Always a new variable, so that two parameters never share their values by accident.
fn copy(values: &Tensor) -> Result<Var> {
    Ok(Var::from_tensor(&values.detach())?)
}

/// The parameters of a layer or model, in a fixed order, under dotted names such as
/// `encoder.weight`.
#[derive(Clone, Debug, Default)]
pub struct Parameters(Vec<(String, Parameter)>);

impl Parameters {
    /// No parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one parameter at the end.
    pub fn with(mut self, name: &str, parameter: &Parameter) -> Self {
        self.0.push((name.to_owned(), parameter.clone()));
        self
    }

    /// Adds an optional parameter, such as a bias, if there is one.
    pub(crate) fn with_optional(self, name: &str, parameter: Option<&Parameter>) -> Self {
        match parameter {
            Some(parameter) => self.with(name, parameter),
            None => self,
        }
    }

    /// Adds the parameters of a part at the end, under their own names.
    pub(crate) fn and(mut self, part: Parameters) -> Self {
        self.0.extend(part.0);
        self
    }

    /// Adds the parameters of a part at the end, their names prefixed with `prefix` and a dot.
    pub fn nest(mut self, prefix: &str, part: Parameters) -> Self {
        let named = part.0.into_iter();
        self.0
            .extend(named.map(|(name, p)| (format!("{prefix}.{name}"), p)));
        self
    }

    /// Names and parameters in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Parameter)> {
        self.0.iter().map(|(name, p)| (name.as_str(), p))
    }

    /// The parameters that training changes. Tied weights, which appear twice, are returned once.
    pub fn trainable(&self) -> impl Iterator<Item = (&str, &Parameter)> {
        let mut seen = HashSet::new();
        self.iter()
            .filter(move |(_, p)| p.is_trainable() && seen.insert(p.var().id()))
    }

    /// The parameter of this name.
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.iter().find(|(n, _)| *n == name).map(|(_, p)| p)
    }

    /// The number of tensors.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of elements in all tensors.
    pub fn count(&self) -> usize {
        self.iter().map(|(_, p)| p.var().elem_count()).sum()
    }

    /// Whether both have the same names in the same order, with the same numbers.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    /// let network = Sequential::input(&[3]).then("dense", Dense::units(2));
    /// let (one, other) = (network.build(1)?.parameters(), network.build(2)?.parameters());
    /// assert!(!one.same_values(&other)?);
    /// assert!(one.same_values(&network.build(1)?.parameters())?);
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a value cannot be read.
    pub fn same_values(&self, other: &Parameters) -> Result<bool> {
        if !self.names().eq(other.names()) {
            return Ok(false);
        }
        for ((_, one), (_, other)) in self.iter().zip(other.iter()) {
            let (one, other) = (one.var(), other.var());
            if one.dims() != other.dims() || one.dtype() != other.dtype() {
                return Ok(false);
            }
            let differs = one.ne(other.as_tensor())?.to_dtype(DType::F32)?;
            if one.elem_count() > 0 && differs.max_all()?.to_scalar::<f32>()? > 0.0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// Moves all parameters to a device, for every handle. Do this before training: the state of an
    /// optimiser is not moved.
    ///
    /// # Errors
    /// If the device cannot hold them.
    pub fn to_device(&self, device: &Device) -> Result<()> {
        self.iter()
            .try_for_each(|(_, p)| p.replace(&p.var().to_device(device)?))
    }

    /// Converts all parameters to a float type, for every handle. Gradient checks use this to work
    /// in f64.
    ///
    /// # Errors
    /// If they cannot be converted.
    pub fn to_dtype(&self, dtype: DType) -> Result<()> {
        self.iter()
            .try_for_each(|(_, p)| p.replace(&p.var().to_dtype(dtype)?))
    }

    /// Freezes all parameters: training does not change them and computes no gradients for them.
    pub fn freeze(&self) {
        self.iter().for_each(|(_, p)| p.freeze());
    }

    /// Undoes [`Parameters::freeze`].
    pub fn unfreeze(&self) {
        self.iter().for_each(|(_, p)| p.unfreeze());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(values: &[f32]) -> Parameter {
        Parameter::new(&Tensor::new(values, &Device::Cpu).unwrap()).unwrap()
    }

    #[test]
    fn a_frozen_parameter_and_a_buffer_get_no_gradient() {
        let x = Tensor::new(&[2f32, 3.0], &Device::Cpu).unwrap();
        let gradient = |p: &Parameter| {
            let loss = (p.tensor() * &x).unwrap().sum_all().unwrap();
            let gradients = loss.backward().unwrap();
            gradients.get(&p.var()).map(|g| g.to_vec1::<f32>().unwrap())
        };
        let p = parameter(&[1.0, 1.0]);
        assert_eq!(gradient(&p), Some(vec![2.0, 3.0]));
        p.clone().freeze();
        assert_eq!(gradient(&p), None);
        p.unfreeze();
        assert!(gradient(&p).is_some());
        assert_eq!(gradient(&Parameter::buffer(&x).unwrap()), None);
    }

    #[test]
    fn no_grad_ends_with_its_closure_even_by_a_panic() {
        let p = parameter(&[1.0]);
        assert!(!no_grad(|| p.tensor()).is_variable());
        assert!(p.tensor().is_variable());
        let _ = std::panic::catch_unwind(|| no_grad(|| panic!("inside")));
        assert!(p.tensor().is_variable());
    }

    #[test]
    fn names_nest_and_keep_their_order() {
        let (a, b) = (parameter(&[1.0]), parameter(&[1.0, 2.0]));
        let part = Parameters::new().with("weight", &b).with("bias", &a);
        let all = Parameters::new().with("scale", &a).nest("layer", part);
        let names: Vec<_> = all.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["scale", "layer.weight", "layer.bias"]);
        assert_eq!((all.len(), all.count()), (3, 4));
        assert_eq!(all.trainable().count(), 2, "tied weights are trained once");
    }

    #[test]
    fn a_conversion_reaches_every_handle_and_loses_nothing() {
        let p = parameter(&[0.1, 0.2]);
        let all = Parameters::new().with("p", &p);
        all.to_dtype(DType::F64).unwrap();
        assert_eq!(p.tensor().dtype(), DType::F64);
        all.to_dtype(DType::F32).unwrap();
        assert_eq!(p.tensor().to_vec1::<f32>().unwrap(), [0.1, 0.2]);
    }

    #[test]
    fn two_parameters_from_one_tensor_are_independent() {
        let first = parameter(&[1.0]);
        let second = Parameter::new(&first.tensor()).unwrap();
        first
            .set(&Tensor::new(&[5f32], &Device::Cpu).unwrap())
            .unwrap();
        assert_eq!(second.tensor().to_vec1::<f32>().unwrap(), [1.0]);
    }
}
