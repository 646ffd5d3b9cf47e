//! Which way up a photograph is.

/// The orientation in the EXIF data of a JPEG, from 1 (upright) to 8 (Exif 2.32, tag 0x0112); 1 if
/// there is none or the data are broken, as viewers have it.
pub(super) fn orientation(exif: &[u8]) -> u16 {
    let orientation = Tiff::of(exif).and_then(|tiff| tiff.orientation());
    orientation
        .filter(|number| (1..=8).contains(number))
        .unwrap_or(1)
}

/// EXIF data, a TIFF file without a picture.
struct Tiff<'a> {
    bytes: &'a [u8],
    little_endian: bool,
}

impl<'a> Tiff<'a> {
    fn of(exif: &'a [u8]) -> Option<Self> {
        let bytes = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
        let little_endian = match bytes.get(..4)? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        Some(Self {
            bytes,
            little_endian,
        })
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(match self.little_endian {
            true => u16::from_le_bytes(bytes),
            false => u16::from_be_bytes(bytes),
        })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let [high, low] = [self.u16(at)?, self.u16(at + 2)?].map(u32::from);
        Some(match self.little_endian {
            true => low << 16 | high,
            false => high << 16 | low,
        })
    }

    /// Looks through the entries of the first directory: a tag, a type, a count and a value each.
    fn orientation(&self) -> Option<u16> {
        let directory = self.u32(4)? as usize;
        let entries = usize::from(self.u16(directory)?);
        let at = |entry: usize| directory + 2 + 12 * entry;
        let found = (0..entries).find(|&entry| self.u16(at(entry)) == Some(0x0112))?;
        self.u16(at(found) + 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A directory of two entries, the second the orientation.
    pub(crate) fn sample(little_endian: bool, orientation: u16) -> Vec<u8> {
        let two = |n: u16| match little_endian {
            true => n.to_le_bytes(),
            false => n.to_be_bytes(),
        };
        let four = |n: u32| match little_endian {
            true => n.to_le_bytes(),
            false => n.to_be_bytes(),
        };
        let mut bytes = b"Exif\0\0".to_vec();
        bytes.extend(if little_endian { b"II*\0" } else { b"MM\0*" });
        bytes.extend(four(8));
        bytes.extend(two(2));
        for (tag, value) in [(0x0100, 7), (0x0112, orientation)] {
            bytes.extend(two(tag));
            bytes.extend(two(3));
            bytes.extend(four(1));
            bytes.extend(two(value));
            bytes.extend([0, 0]);
        }
        bytes.extend([0; 4]);
        bytes
    }

    #[test]
    fn both_orders_of_bytes_are_read_and_nonsense_is_upright() {
        for little_endian in [true, false] {
            for number in 1..=8 {
                assert_eq!(orientation(&sample(little_endian, number)), number);
            }
            assert_eq!(orientation(&sample(little_endian, 9)), 1);
        }
        assert_eq!(orientation(b""), 1);
    }

    proptest! {
        #[test]
        fn broken_data_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), cut in 0usize..50) {
            orientation(&bytes);
            let whole = sample(true, 6);
            orientation(&whole[..cut.min(whole.len())]);
            let mut wrong = b"II*\0".to_vec();
            wrong.extend(bytes);
            prop_assert!((1..=8).contains(&orientation(&wrong)));
        }
    }
}
