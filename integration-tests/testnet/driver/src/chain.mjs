// The chain: blocks with their post-states, and the making of the next one.
import { DOMAIN_BEACON_PROPOSER, SLOTS_PER_EPOCH } from "@lodestar/params";
import * as transition from "@lodestar/state-transition";

import { Duties, UNSIGNED } from "./duties.mjs";
import { hex } from "./hex.mjs";
import { fromEngine, payloadAttributes } from "./payload.mjs";

/** States are kept for so many slots. */
const KEEP_STATES = 256;
/** Longest that the execution client gets to build a payload, in milliseconds. */
const BUILD_MS = 300;
const VERIFY_ALL = { verifyStateRoot: true, verifyProposer: true, verifySignatures: true };
const VERIFY_NOTHING = { verifyStateRoot: false, verifyProposer: false, verifySignatures: false };
const AVAILABLE = { executionPayloadStatus: "valid", dataAvailabilityStatus: "Available" };

export class Chain {
  constructor({ config, state, secretKeys, publicKeys }, execution, executionGenesis, slotMs) {
    this.config = config;
    this.publicKeys = publicKeys;
    this.genesisValidatorsRoot = state.genesisValidatorsRoot;
    this.duties = new Duties(config, secretKeys, this.genesisValidatorsRoot);
    this.execution = execution;
    this.executionGenesis = executionGenesis;
    this.slotMs = slotMs;
    /** Canonical blocks by slot. */
    this.canonical = new Map();
    /** All blocks that can be asked for, by root in hexadecimal digits. */
    this.byRoot = new Map();
    const message = { ...this.types(0).BeaconBlock.defaultValue(), stateRoot: state.hashTreeRoot() };
    this.head = this.#put({ message, signature: new Uint8Array(96) }, state);
  }

  types(slot) {
    return this.config.getForkTypes(slot);
  }

  entry(block, state) {
    const root = this.types(block.message.slot).BeaconBlock.hashTreeRoot(block.message);
    return { slot: block.message.slot, root, block, state };
  }

  /** The execution block hash in the beacon block with this root. */
  executionHash(root) {
    const payload = this.byRoot.get(hex(root))?.block.message.body.executionPayload;
    return payload === undefined || payload.blockNumber === 0 ? this.executionGenesis : hex(payload.blockHash);
  }

  /** Makes the block of `slot`, has everybody verify it, and moves the head to it. */
  async propose(slot) {
    const parent = this.head;
    const state = transition.processSlots(parent.state, slot);
    const forkchoice = {
      headBlockHash: hex(state.latestExecutionPayloadHeader.blockHash),
      safeBlockHash: this.executionHash(state.currentJustifiedCheckpoint.root),
      finalizedBlockHash: this.executionHash(state.finalizedCheckpoint.root),
    };
    const attributes = payloadAttributes(this.config, state, slot, this.slotMs, parent.root);
    const id = await this.execution.forkchoiceUpdated(forkchoice, attributes.json);
    await new Promise((done) => setTimeout(done, Math.min(BUILD_MS, this.slotMs / 5)));
    const { executionPayload, executionRequests } = await this.execution.getPayload(id);
    await this.execution.newPayload(executionPayload, hex(parent.root), executionRequests ?? []);

    const epoch = transition.computeEpochAtSlot(slot);
    const proposer = state.epochCtx.getBeaconProposer(slot);
    const body = {
      ...this.types(slot).BeaconBlockBody.defaultValue(),
      randaoReveal: this.duties.reveal(proposer, epoch),
      eth1Data: state.eth1Data.toValue(),
      graffiti: new Uint8Array(Buffer.from("quintet driver".padEnd(32, "\0"))),
      attestations: this.duties.attestations(parent, slot),
      syncAggregate: this.duties.syncAggregate(state, slot, parent.root),
      executionPayload: fromEngine(executionPayload, attributes.withdrawals),
    };
    const message = { slot, proposerIndex: proposer, parentRoot: parent.root, stateRoot: new Uint8Array(32), body };
    const dry = { message, signature: UNSIGNED };
    message.stateRoot = transition.stateTransition(parent.state, dry, { ...VERIFY_NOTHING, ...AVAILABLE }).hashTreeRoot();
    const block = this.sign(message);
    const post = transition.stateTransition(parent.state, block, { ...VERIFY_ALL, ...AVAILABLE });
    await this.execution.forkchoiceUpdated({ ...forkchoice, headBlockHash: executionPayload.blockHash }, null);
    this.head = this.#put(block, post);
    return block;
  }

  /** Takes in a block of an earlier run of this program. */
  replay(block) {
    this.head = this.#put(block, transition.stateTransition(this.head.state, block, { ...VERIFY_NOTHING, ...AVAILABLE }));
  }

  /** The block signed by the proposer that it names. */
  sign(message) {
    const epoch = transition.computeEpochAtSlot(message.slot);
    const type = this.types(message.slot).BeaconBlock;
    const signature = this.duties.sign(message.proposerIndex, type, message, DOMAIN_BEACON_PROPOSER, epoch);
    return { message, signature: signature.toBytes() };
  }

  /** RANDAO mix of a state. */
  mix(entry, epoch) {
    return transition.getRandaoMix(entry.state, epoch ?? transition.computeEpochAtSlot(entry.slot));
  }

  isFinalized(slot) {
    return slot <= transition.computeStartSlotAtEpoch(this.head.state.finalizedCheckpoint.epoch);
  }

  isEpochStart(slot) {
    return slot % SLOTS_PER_EPOCH === 0;
  }

  describeHead() {
    const { slot, root, state, block } = this.head;
    const payload = block.message.body.executionPayload;
    return [
      `slot ${slot}`,
      this.config.getForkName(slot),
      `${payload.transactions.length} transactions`,
      `${payload.gasUsed} gas`,
      `finalized epoch ${state.finalizedCheckpoint.epoch}`,
      `root ${hex(root).slice(0, 10)}`,
    ].join(", ");
  }

  #put(block, state) {
    const entry = this.entry(block, state);
    this.canonical.set(entry.slot, entry);
    this.byRoot.set(hex(entry.root), entry);
    const old = this.canonical.get(entry.slot - KEEP_STATES);
    if (old !== undefined && old.slot > 0) old.state = undefined;
    return entry;
  }
}
