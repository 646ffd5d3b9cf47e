//! The training loop.

use std::time::Instant;

use super::callback::Stop;
use super::game::Game;
use super::observer::{Observer, Standing, observer};
use super::resume::{Position, ResumeFile};
use super::{Callback, Epoch, Examples, Losses, ShuffledBatches, Step, Trainer, Training};
use crate::nn::Parameters;
use crate::optim::{Optimiser, clip_by_norm};
use crate::{Error, Result, notebook, ops};

impl<const PLAYERS: usize> Trainer<PLAYERS> {
    /// Runs the training, and returns its position at the end.
    pub(super) fn play(
        mut self,
        game: &dyn Game<PLAYERS>,
        train: &dyn Examples,
        valid: &dyn Examples,
    ) -> Result<Position> {
        if train.is_empty() || valid.is_empty() {
            return Err(Error::argument(
                "the number of examples",
                format!("{} to train and {} to validate", train.len(), valid.len()),
                "at least 1 of each",
            ));
        }
        if self.batch_size == 0 {
            return Err(Error::argument("batch_size", 0, "at least 1"));
        }
        for optimiser in &self.optimisers {
            optimiser.check()?;
        }
        self.schedule.check()?;
        let players = game.players();
        let parameters = together(&players);
        let initial_rates = (self.optimisers.each_ref()).map(|optimiser| optimiser.learning_rate());
        let file = self.resume.as_deref().map(ResumeFile::in_folder);
        let mut position = self.start(train.len(), &players, file.as_ref())?;
        let mut observer = observer(self.quiet);
        let _looking = notebook::Looking::new();
        let mut stop = None;

        while position.epoch < self.epochs && !position.finished && stop.is_none() {
            let start = Instant::now();
            for (optimiser, rate) in self.optimisers.iter_mut().zip(initial_rates) {
                optimiser.set_learning_rate(self.schedule.rate(rate, position.epoch));
            }
            stop = self.train_epoch(game, &players, train, &mut position, &mut *observer)?;
            if stop.is_none() {
                let epoch = Epoch {
                    number: position.epoch + 1,
                    train: std::mem::take(&mut position.tally).measures(),
                    valid: game.validate(valid, self.seed)?,
                    seconds: start.elapsed().as_secs_f64(),
                    learning_rate: self.optimisers[0].learning_rate(),
                };
                position.history.epochs.push(epoch);
                observer.epoch_done(&position.history);
                (position.epoch, position.batch) = (position.epoch + 1, 0);
                stop = self.call(
                    &parameters,
                    &position,
                    &[],
                    train.len(),
                    |callback, training| callback.epoch_done(training),
                )?;
            }
            position.finished = stop.as_ref().is_some_and(|stop| stop.finished);
            position.history.stopped = stop.as_ref().map(|stop| stop.reason.clone());
            if let Some(file) = &file {
                file.save(
                    &mut position,
                    &parameters,
                    &self.optimisers,
                    &self.callbacks,
                )?;
            }
        }
        observer.training_done(&position.history);
        position.finished |= position.epoch >= self.epochs;
        Ok(position)
    }

    /// The start, or the position where an earlier training was interrupted.
    fn start(
        &mut self,
        examples: usize,
        players: &[Parameters; PLAYERS],
        file: Option<&ResumeFile>,
    ) -> Result<Position> {
        let fresh = Position {
            identity: self.identity.clone(),
            seed: self.seed,
            batch_size: self.batch_size,
            examples,
            ..Position::default()
        };
        let Some(file) = file.filter(|file| file.exists()) else {
            return Ok(fresh);
        };
        let optimisers = &mut self.optimisers;
        let mut position = file.load(&fresh, players, optimisers, &mut self.callbacks)?;
        if !position.finished {
            position.history.stopped = None;
        }
        if !self.quiet {
            println!(
                "resuming {} after epoch {}, batch {}",
                file.path().display(),
                position.epoch,
                position.batch
            );
        }
        Ok(position)
    }

    /// Trains on the rest of an epoch, until a callback stops it.
    fn train_epoch(
        &mut self,
        game: &dyn Game<PLAYERS>,
        players: &[Parameters; PLAYERS],
        train: &dyn Examples,
        position: &mut Position,
        observer: &mut dyn Observer,
    ) -> Result<Option<Stop>> {
        let parameters = together(players);
        let batches = ShuffledBatches::of(train, self.batch_size, self.seed, position.epoch)?;
        for step in batches.after(position.batch) {
            let mut step = step?;
            position.batch += 1;
            let losses = self.moves(game, players, &mut step, position)?;
            observer.batch_done(&Standing {
                epoch: step.epoch,
                epochs: self.epochs,
                batch: step.number,
                batches: step.steps,
                losses: &|| position.tally.measures(),
            });
            let losses: Vec<_> = losses.iter().map(|(name, x)| (name.as_str(), *x)).collect();
            let stop = self.call(
                &parameters,
                position,
                &losses,
                train.len(),
                |callback, training| callback.batch_done(training),
            )?;
            if stop.is_some() {
                return Ok(stop);
            }
            if notebook::stop_requested() {
                return Ok(Some(Stop {
                    reason: "interrupted".to_owned(),
                    finished: false,
                }));
            }
        }
        Ok(None)
    }

    /// Lets each player take a step in turn, and returns the losses of all.
    fn moves(
        &mut self,
        game: &dyn Game<PLAYERS>,
        players: &[Parameters; PLAYERS],
        step: &mut Step,
        position: &mut Position,
    ) -> Result<Vec<(String, f64)>> {
        let mut all = Vec::new();
        for (player, optimiser) in self.optimisers.iter_mut().enumerate() {
            let losses = game.losses(player, &step.batch, &mut step.rng)?;
            let values = losses.values()?;
            step.check(values[0])?;
            descend(&losses, &players[player], &mut **optimiser, self.clip_norm)?;
            let weight = losses.weight_of(step.batch.len());
            position.tally.add(&values, weight);
            all.extend(values.into_iter().map(|(name, x)| (name.to_owned(), x)));
        }
        Ok(all)
    }

    /// Calls every callback. The first one that stops the training gives the reason.
    fn call(
        &mut self,
        parameters: &Parameters,
        position: &Position,
        losses: &[(&str, f64)],
        examples: usize,
        hook: impl Fn(&mut dyn Callback, &mut Training) -> Result<()>,
    ) -> Result<Option<Stop>> {
        let batches = examples.div_ceil(self.batch_size);
        let mut training = Training {
            parameters,
            history: &position.history,
            epoch: position.epoch + usize::from(position.batch > 0),
            step: (position.epoch * batches + position.batch) as u64,
            losses,
            stop: None,
        };
        let mut stop = None;
        for callback in &mut self.callbacks {
            hook(callback.as_mut(), &mut training)?;
            stop = stop.or(training.stop.take());
        }
        Ok(stop)
    }
}

/// Moves a player's parameters down the gradient of the loss that it minimises.
pub(crate) fn descend(
    losses: &Losses,
    parameters: &Parameters,
    optimiser: &mut dyn Optimiser,
    clip_norm: Option<f64>,
) -> Result<()> {
    let mut gradients = ops::backward(losses.minimised())?;
    if let Some(max_norm) = clip_norm {
        clip_by_norm(parameters, &mut gradients, max_norm)?;
    }
    optimiser.step(parameters, &gradients)
}

/// The parameters of all players.
pub(super) fn together(players: &[Parameters]) -> Parameters {
    let players = players.iter().cloned();
    players.fold(Parameters::new(), Parameters::and)
}
