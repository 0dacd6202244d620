//! Blocks of every fork under both presets, filled at random, against alloy's containers where it has them.

use alloy_primitives::{U256, hex};
use alloy_rpc_types_beacon::block::{
    SignedBeaconBlockAltair, SignedBeaconBlockBellatrix, SignedBeaconBlockCapella, SignedBeaconBlockDeneb,
    SignedBeaconBlockElectra, SignedBeaconBlockPhase0,
};
use alloy_rpc_types_engine::{ExecutionPayloadV1, ExecutionPayloadV2, ExecutionPayloadV3};
use proptest::prelude::*;
use quintet_beacon::schema::Schemas;
use quintet_beacon::ssz::{Limit, SszType, from_json, root, to_json};
use quintet_beacon::{BlockDecoder, Execution, Fork, Preset};
use serde_json::{Map, Value, json};
use ssz::{Decode, Encode};

/// A stream of numbers that follows from its seed.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        // xorshift64*; never zero for a non-zero seed.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }

    fn length(&mut self, limit: Limit, most: u64) -> usize {
        let most = if let Limit::Max(max) = limit { most.min(max) } else { most };
        self.below(most + 1) as usize
    }
}

/// A value of `ty` as JSON.
fn fill(ty: &SszType, numbers: &mut Numbers) -> Value {
    match ty {
        SszType::Uint(32) => json!(U256::from_le_slice(&numbers.bytes(32)).to_string()),
        SszType::Uint(_) => json!(numbers.next().to_string()),
        SszType::Bool => json!(numbers.below(2) == 1),
        SszType::Bytes(size) => json!(hex::encode_prefixed(numbers.bytes(*size))),
        SszType::ByteList(limit) => {
            let length = numbers.length(*limit, 70);
            json!(hex::encode_prefixed(numbers.bytes(length)))
        }
        SszType::Bitvector(bits) => {
            let mut bytes = numbers.bytes(bits.div_ceil(8));
            if bits % 8 != 0
                && let Some(last) = bytes.last_mut()
            {
                *last &= (1 << (bits % 8)) - 1;
            }
            json!(hex::encode_prefixed(bytes))
        }
        SszType::Bitlist(limit) => {
            let bits = numbers.length(*limit, 50);
            let mut bytes = numbers.bytes(bits / 8 + 1);
            bytes[bits / 8] &= (1 << (bits % 8)) - 1;
            bytes[bits / 8] |= 1 << (bits % 8);
            json!(hex::encode_prefixed(bytes))
        }
        SszType::Vector(element, length) => (0..*length).map(|_| fill(element, numbers)).collect(),
        SszType::List(element, limit) => {
            let length = numbers.length(*limit, 3);
            (0..length).map(|_| fill(element, numbers)).collect()
        }
        SszType::Container(container) => {
            let fields = container.fields.iter();
            Value::Object(fields.map(|(name, ty)| ((*name).to_owned(), fill(ty, numbers))).collect::<Map<_, _>>())
        }
    }
}

fn reads_and_writes_the_same<T: Encode + Decode>(bytes: &[u8]) {
    let value = T::from_ssz_bytes(bytes).unwrap_or_else(|error| panic!("{}: {error:?}", std::any::type_name::<T>()));
    assert_eq!(value.as_ssz_bytes(), bytes, "{}", std::any::type_name::<T>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn blocks_of_every_fork_read_the_same_from_json_and_ssz(seed in 1u64..) {
        for preset in [Preset::MAINNET, Preset::MINIMAL] {
            for fork in Fork::ALL {
                let ty = Schemas::new(preset).signed_block(fork);
                let data = fill(&ty, &mut Numbers(seed));
                let bytes = from_json(&ty, &data).unwrap();
                prop_assert_eq!(&to_json(&ty, &bytes).unwrap(), &data);
                let decoder = BlockDecoder::new(preset);
                let block = decoder.ssz(fork, &bytes).unwrap();
                let answer = json!({"version": fork.name(), "data": data}).to_string();
                prop_assert_eq!(&decoder.json(answer.as_bytes(), None).unwrap(), &block);
                prop_assert_eq!(block.block_root, root(&Schemas::new(preset).block(fork), &message(&bytes)).unwrap());
                match (&block.execution, fork) {
                    (Execution::None, Fork::Phase0 | Fork::Altair) | (Execution::Promised(_), Fork::Gloas) => {}
                    (Execution::Payload(payload), _) => {
                        prop_assert_eq!(payload.withdrawals.is_some(), fork >= Fork::Capella);
                        prop_assert_eq!(payload.parent_beacon_block_root.is_some(), fork >= Fork::Deneb);
                        prop_assert_eq!(payload.execution_requests.is_some(), fork >= Fork::Electra);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    #[test]
    fn alloy_reads_the_same_containers(seed in 1u64..) {
        let bytes = |fork| {
            let ty = Schemas::new(Preset::MAINNET).signed_block(fork);
            let mut data = fill(&ty, &mut Numbers(seed));
            // alloy 2.5 reads the proof of a deposit, a vector of fixed length, as a list.
            data["message"]["body"]["deposits"] = json!([]);
            from_json(&ty, &data).unwrap()
        };
        reads_and_writes_the_same::<SignedBeaconBlockPhase0>(&bytes(Fork::Phase0));
        reads_and_writes_the_same::<SignedBeaconBlockAltair>(&bytes(Fork::Altair));
        reads_and_writes_the_same::<SignedBeaconBlockBellatrix<ExecutionPayloadV1>>(&bytes(Fork::Bellatrix));
        reads_and_writes_the_same::<SignedBeaconBlockCapella<ExecutionPayloadV2>>(&bytes(Fork::Capella));
        reads_and_writes_the_same::<SignedBeaconBlockDeneb<ExecutionPayloadV3>>(&bytes(Fork::Deneb));
        reads_and_writes_the_same::<SignedBeaconBlockElectra<ExecutionPayloadV3>>(&bytes(Fork::Electra));
        reads_and_writes_the_same::<SignedBeaconBlockElectra<ExecutionPayloadV3>>(&bytes(Fork::Fulu));
    }
}

/// The message of a signed block: behind the offset and the signature.
fn message(signed: &[u8]) -> Vec<u8> {
    signed[100..].to_vec()
}
