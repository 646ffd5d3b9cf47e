//! Convolutions, pooling and upsampling: against their definitions, in every corner.

mod cases;
mod defects;
mod definition;
mod errors;
mod extremes;
mod gradients;
