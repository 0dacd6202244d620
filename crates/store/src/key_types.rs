//! The ids of `quintet-types` as keys, so that tables say `Slot` and not `u64`.

use quintet_types::{Epoch, FixedBytes, InstanceIndex, JobId, Phase, ProverIndex, Root, Slot, ValidatorIndex};

use crate::{Key, PrefixOf};

impl<const N: usize> Key for FixedBytes<N> {
    const LEN: usize = N;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        <[u8; N]>::read(bytes).map(Self)
    }
}

macro_rules! integer_ids {
    ($($id:ident($int:ty)),*) => {$(
        impl Key for $id {
            const LEN: usize = <$int as Key>::LEN;

            fn write(&self, out: &mut Vec<u8>) {
                self.0.write(out);
            }

            fn read(bytes: &[u8]) -> Option<Self> {
                <$int>::read(bytes).map(Self)
            }
        }
    )*};
}

integer_ids!(Slot(u64), Epoch(u64), ProverIndex(u64), ValidatorIndex(u64), InstanceIndex(u32));

/// The phase's number, one byte.
impl Key for Phase {
    const LEN: usize = 1;

    fn write(&self, out: &mut Vec<u8>) {
        out.push(self.number());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        Self::from_number(u8::read(bytes)?.into()).ok()
    }
}

/// `JobId` as the tuple of its fields.
type JobIdParts = (Slot, Root, u16, u8);

/// Slot first: the jobs of a range of slots are a range of keys.
impl Key for JobId {
    const LEN: usize = <JobIdParts as Key>::LEN;

    fn write(&self, out: &mut Vec<u8>) {
        (self.slot, self.block_root, self.sub_block, self.attempt).write(out);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (slot, block_root, sub_block, attempt) = JobIdParts::read(bytes)?;
        Some(Self { slot, block_root, sub_block, attempt })
    }
}

impl PrefixOf<JobId> for Slot {}
impl PrefixOf<JobId> for (Slot, Root) {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn job_ids_round_trip_in_the_order_of_their_fields(
            a in any::<(u64, [u8; 32], u16, u8)>(), b in any::<(u64, [u8; 32], u16, u8)>(),
        ) {
            let job = |(slot, root, sub_block, attempt): (u64, [u8; 32], u16, u8)| {
                JobId { slot: Slot(slot), block_root: root.into(), sub_block, attempt }
            };
            let (x, y) = (job(a), job(b));
            prop_assert_eq!(JobId::read(&x.to_key()), Some(x));
            prop_assert_eq!(x.to_key().cmp(&y.to_key()), a.cmp(&b));
            prop_assert!(x.to_key().starts_with(&x.slot.to_key()));
        }
    }
}
