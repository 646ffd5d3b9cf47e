//! Convolutions as candle operations with a gradient.

use std::marker::PhantomData;

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

use super::{
    epilogue::{Epilogue, bias_gradient},
    geometry::{Direction, Geometry},
    images::ImagePass,
    weights::WeightGradient,
};
use crate::numerics::{
    lanes::Lanes,
    storage::{Elements, elements},
};
use crate::ops::gradient::for_variable;

/// A convolution (big to small) or transposed convolution (small to big), with or without a bias.
pub struct Convolution<T> {
    name: &'static str,
    geometry: Geometry,
    direction: Direction,
    epilogue: Epilogue,
    element: PhantomData<T>,
}

impl<T: Lanes> Convolution<T> {
    /// The operation on `input`, `weight` and `bias`, whose shapes fit `geometry`.
    pub fn apply(
        name: &'static str,
        geometry: Geometry,
        direction: Direction,
        epilogue: Epilogue,
        (input, weight, bias): (&Tensor, &Tensor, Option<&Tensor>),
    ) -> Result<Tensor> {
        let op = Self {
            name,
            geometry,
            direction,
            epilogue,
            element: PhantomData,
        };
        let (input, weight) = (input.contiguous()?, weight.contiguous()?);
        match bias {
            Some(bias) => input.apply_op3(&weight, &bias.contiguous()?, op),
            None => input.apply_op2(&weight, op),
        }
    }

    fn output_shape(&self) -> [usize; 4] {
        match self.direction {
            Direction::Gather => self.geometry.small_shape(),
            Direction::Scatter => self.geometry.big_shape(),
        }
    }

    fn forward(&self, input: &[T], weight: &[T], bias: Option<&[T]>) -> (CpuStorage, Shape) {
        let output = ImagePass {
            geometry: &self.geometry,
            direction: self.direction,
            source: input,
            weight,
            bias,
            epilogue: self.epilogue,
        };
        let output = T::to_cpu_storage_owned(output.run());
        (output, Shape::from(&self.output_shape()))
    }

    fn backward(
        &self,
        (input, weight, bias): (&Tensor, &Tensor, Option<&Tensor>),
        output: &Tensor,
        gradient: &Tensor,
    ) -> Result<[Option<Tensor>; 3]> {
        let gradient = gradient.contiguous()?;
        let gradient = Elements::<T>::of(&gradient)?;
        let masked;
        let gradient: &[T] = if self.epilogue == Epilogue::Identity {
            &gradient
        } else {
            masked = self.epilogue.backward(&gradient, &Elements::of(output)?);
            &masked
        };

        let for_input = input.track_op().then(|| {
            let pass = ImagePass {
                geometry: &self.geometry,
                direction: self.direction.reversed(),
                source: gradient,
                weight: &Elements::of(weight)?,
                bias: None,
                epilogue: Epilogue::Identity,
            };
            for_variable(input, pass.run())
        });
        let for_weight = weight.track_op().then(|| {
            let input = Elements::of(input)?;
            let (big, small) = match self.direction {
                Direction::Gather => (&*input, gradient),
                Direction::Scatter => (gradient, &*input),
            };
            let products = WeightGradient {
                geometry: &self.geometry,
                big,
                small,
            };
            for_variable(weight, products.run())
        });
        let for_bias = bias.filter(|bias| bias.track_op()).map(|bias| {
            let [_, channels, height, width] = self.output_shape();
            for_variable(bias, bias_gradient(gradient, channels, height * width))
        });
        let gradients = [for_input, for_weight, for_bias];
        let mut results = [None, None, None];
        for (result, gradient) in results.iter_mut().zip(gradients) {
            *result = gradient.transpose()?.flatten();
        }
        Ok(results)
    }
}

impl<T: Lanes> CustomOp2 for Convolution<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(
        &self,
        input: &CpuStorage,
        input_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let input = elements(input, input_layout)?;
        Ok(self.forward(input, elements(weight, weight_layout)?, None))
    }

    fn bwd(
        &self,
        input: &Tensor,
        weight: &Tensor,
        output: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let [input, weight, _] = self.backward((input, weight, None), output, gradient)?;
        Ok((input, weight))
    }
}

impl<T: Lanes> CustomOp3 for Convolution<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(
        &self,
        input: &CpuStorage,
        input_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let input = elements(input, input_layout)?;
        let weight = elements(weight, weight_layout)?;
        Ok(self.forward(input, weight, Some(elements(bias, bias_layout)?)))
    }

    fn bwd(
        &self,
        input: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        output: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let arguments = (input, weight, Some(bias));
        let [input, weight, bias] = self.backward(arguments, output, gradient)?;
        Ok((input, weight, bias))
    }
}
