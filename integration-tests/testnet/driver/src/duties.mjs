// What validators sign: reveals, attestations, sync committee messages.
import * as bls from "@chainsafe/lodestar-z/blst";
import { BitArray } from "@chainsafe/ssz";
import {
  DOMAIN_BEACON_ATTESTER,
  DOMAIN_RANDAO,
  DOMAIN_SYNC_COMMITTEE,
  MAX_COMMITTEES_PER_SLOT,
  SLOTS_PER_EPOCH,
  SYNC_COMMITTEE_SIZE,
} from "@lodestar/params";
import * as transition from "@lodestar/state-transition";
import { ssz } from "@lodestar/types";

/** The point at infinity stands for a signature that is not looked at. */
export const UNSIGNED = Uint8Array.from([0xc0, ...new Uint8Array(95)]);

export class Duties {
  constructor(config, secretKeys, genesisValidatorsRoot) {
    this.config = config;
    this.secretKeys = secretKeys;
    this.genesisValidatorsRoot = genesisValidatorsRoot;
  }

  sign(validator, type, object, domainType, epoch) {
    const version = this.config.getForkVersion(epoch * SLOTS_PER_EPOCH);
    const domain = transition.computeDomain(domainType, version, this.genesisValidatorsRoot);
    return this.secretKeys[validator].sign(transition.computeSigningRoot(type, object, domain));
  }

  reveal(validator, epoch) {
    return this.sign(validator, ssz.Epoch, epoch, DOMAIN_RANDAO, epoch).toBytes();
  }

  /** One attestation of all committees to `head`, for a block at `slot`. */
  attestations(head, slot) {
    const { state, root } = head;
    const epoch = transition.computeEpochAtSlot(head.slot);
    // Attestations are included in their own epoch or the next; after a longer pause there is none.
    if (head.slot === 0 || transition.computeEpochAtSlot(slot) > epoch + 1) return [];
    const start = transition.computeStartSlotAtEpoch(epoch);
    const targetRoot = start >= state.slot ? root : transition.getBlockRootAtSlot(state, start);
    const source = state.currentJustifiedCheckpoint.toValue();
    const data = { slot: head.slot, index: 0, beaconBlockRoot: root, source, target: { epoch, root: targetRoot } };
    const committeeBits = BitArray.fromBitLen(MAX_COMMITTEES_PER_SLOT);
    const signatures = [];
    for (let committee = 0; committee < state.epochCtx.getCommitteeCountPerSlot(epoch); committee++) {
      committeeBits.set(committee, true);
      for (const validator of state.epochCtx.getBeaconCommittee(head.slot, committee)) {
        signatures.push(this.sign(validator, ssz.phase0.AttestationData, data, DOMAIN_BEACON_ATTESTER, epoch));
      }
    }
    // With more slots in an epoch than validators, some committees are empty.
    if (signatures.length === 0) return [];
    const aggregationBits = BitArray.fromBitLen(signatures.length);
    signatures.forEach((_, index) => aggregationBits.set(index, true));
    return [{ aggregationBits, data, signature: bls.Signature.aggregate(signatures, false).toBytes(), committeeBits }];
  }

  /** Everybody's sync committee message about the parent, for a block at `slot` whose pre-state is `state`. */
  syncAggregate(state, slot, parentRoot) {
    const epoch = transition.computeEpochAtSlot(Math.max(slot - 1, 0));
    const syncCommitteeBits = BitArray.fromBitLen(SYNC_COMMITTEE_SIZE);
    const signatures = [...state.epochCtx.currentSyncCommitteeIndexed.validatorIndices].map((validator, index) => {
      syncCommitteeBits.set(index, true);
      return this.sign(validator, ssz.Root, parentRoot, DOMAIN_SYNC_COMMITTEE, epoch);
    });
    return { syncCommitteeBits, syncCommitteeSignature: bls.Signature.aggregate(signatures, false).toBytes() };
  }
}
