//! The labs without notebooks: the same public calls on the shipped samples, with the bands that
//! hold there.

mod autoencoders;
mod autoencoders_on_mnist;
mod categorical;
mod categorical_on_mnist;
mod variational_autoencoders;
mod variational_autoencoders_on_mnist;
