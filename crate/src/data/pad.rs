//! Sequences of different lengths in one tensor.

use candle_core::{Device, Tensor};

use crate::{Error, Result};

/// Where a sequence that is shorter than the others is filled with zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Before its first number, as Keras does by default.
    Before,
    /// After its last number.
    After,
}

/// The sequences as `[sequences, length]` of u32, the shorter ones filled with zeros, like Keras'
/// function of the same name. Zero should therefore be no word: then the mask is `x.ne(0u32)?`.
///
/// ```
/// use cuaderno::prelude::*;
///
/// let x = pad_sequences(&[vec![32, 4], vec![5, 6, 7]], 4, Padding::After)?;
/// assert_eq!(x.to_vec2::<u32>()?, [[32, 4, 0, 0], [5, 6, 7, 0]]);
/// let x = pad_sequences(&[vec![32, 4], vec![5, 6, 7]], 4, Padding::Before)?;
/// assert_eq!(x.to_vec2::<u32>()?, [[0, 0, 32, 4], [0, 5, 6, 7]]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If a sequence is longer than `length`: nothing is cut off silently.
pub fn pad_sequences(sequences: &[Vec<u32>], length: usize, padding: Padding) -> Result<Tensor> {
    let mut padded = vec![0u32; sequences.len() * length];
    for (number, sequence) in sequences.iter().enumerate() {
        let Some(room) = length.checked_sub(sequence.len()) else {
            return Err(Error::argument(
                "the length of padded sequences",
                length,
                format!(
                    "at least {}, the length of sequence {number}",
                    sequence.len()
                ),
            ));
        };
        let start = number * length
            + match padding {
                Padding::Before => room,
                Padding::After => 0,
            };
        padded[start..start + sequence.len()].copy_from_slice(sequence);
    }
    Ok(Tensor::from_vec(
        padded,
        (sequences.len(), length),
        &Device::Cpu,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_cut_off() {
        let error = pad_sequences(&[vec![1], vec![1, 2, 3]], 2, Padding::After).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the length of padded sequences is 2, but it must be at least 3, the length of sequence 1."
        );
        let empty = pad_sequences(&[Vec::new()], 2, Padding::Before).unwrap();
        assert_eq!(empty.to_vec2::<u32>().unwrap(), [[0, 0]]);
    }
}
