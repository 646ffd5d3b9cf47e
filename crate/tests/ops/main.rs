//! The operations against PyTorch, and augmentation against torchvision.

#[path = "../common/fixture.rs"]
mod fixture;

mod attention;
mod augmentation;
mod comparison;
mod conv;
mod dense;
mod losses;
mod norm;
mod recurrent;
