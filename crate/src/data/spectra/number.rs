//! The kinds of numbers that binary files hold.

/// A kind of number, as bytes have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

/// All numbers of one kind in `bytes`, as the nearest f32.
macro_rules! decoded {
    ($kind:ty, $bytes:expr, $big_endian:expr) => {{
        let (chunks, _) = $bytes.as_chunks::<{ size_of::<$kind>() }>();
        let number = |&bytes: &_| match $big_endian {
            true => <$kind>::from_be_bytes(bytes) as f32,
            false => <$kind>::from_le_bytes(bytes) as f32,
        };
        chunks.iter().map(number).collect()
    }};
}

impl Number {
    /// The bytes of one.
    pub(super) fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    /// All numbers in `bytes`. One that f32 cannot hold becomes infinite.
    pub(super) fn decode(self, bytes: &[u8], big_endian: bool) -> Vec<f32> {
        match self {
            Self::I8 => decoded!(i8, bytes, big_endian),
            Self::U8 => decoded!(u8, bytes, big_endian),
            Self::I16 => decoded!(i16, bytes, big_endian),
            Self::U16 => decoded!(u16, bytes, big_endian),
            Self::I32 => decoded!(i32, bytes, big_endian),
            Self::U32 => decoded!(u32, bytes, big_endian),
            Self::I64 => decoded!(i64, bytes, big_endian),
            Self::U64 => decoded!(u64, bytes, big_endian),
            Self::F32 => decoded!(f32, bytes, big_endian),
            Self::F64 => decoded!(f64, bytes, big_endian),
        }
    }
}
