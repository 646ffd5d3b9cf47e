//! Layers, optimisers and training against PyTorch, and from process to process.

#[path = "../common/fixture.rs"]
mod fixture;

mod adversaries;
mod backbones;
mod callbacks;
mod initialisers;
mod layers;
mod optimisers;
mod parts;
mod ready_made;
mod recurrent_layers;
mod resume;
mod run_folder;
mod schedules;
mod state_dict;
mod translation;
mod weights_folder;
