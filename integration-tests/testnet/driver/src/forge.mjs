// A node that lies on demand, to show that nobody believes it. The chain itself stays honest.
import fs from "node:fs";

import { computeEpochAtSlot } from "@lodestar/state-transition";

import { hex } from "./hex.mjs";

/**
 * What the file may hold. `reveal`: a rival block whose RANDAO reveal is another validator's. `payload`: a rival block whose
 * execution block hash does not follow from its payload. `mix`: a wrong answer to the question for the RANDAO mix.
 */
const KINDS = ["reveal", "payload", "mix"];

/** How long a rival block waits for somebody to ask for it before the honest head is announced, in milliseconds. */
const LONGEST_WAIT = 5000;

export class Forger {
  /** `file` names the next lie; it is removed when the lie is told. */
  constructor(file, chain) {
    this.file = file;
    this.chain = chain;
    this.mixSlots = new Set();
    this.asked = new Map();
  }

  /** Lies about the slot of a new block if it is told to. Rival blocks are announced as head, and are so until somebody asks for them. */
  async atBlock(block, announce) {
    if (!fs.existsSync(this.file)) return;
    const kind = fs.readFileSync(this.file, "utf8").trim();
    fs.unlinkSync(this.file);
    if (!KINDS.includes(kind)) throw Error(`${this.file}: ${kind} is not one of ${KINDS.join(", ")}`);
    const { chain } = this;
    if (kind === "mix") {
      this.mixSlots.add(block.message.slot);
      this.#say(kind, chain.head);
      return;
    }
    const message = chain.types(block.message.slot).BeaconBlock.clone(block.message);
    if (kind === "reveal") {
      const other = (message.proposerIndex + 1) % chain.publicKeys.length;
      message.body.randaoReveal = chain.duties.reveal(other, computeEpochAtSlot(message.slot));
    } else {
      message.body.executionPayload.gasUsed += 1;
    }
    const forged = chain.entry(chain.sign(message), chain.head.state);
    chain.byRoot.set(hex(forged.root), forged);
    this.#say(kind, forged);
    const asked = new Promise((done) => this.asked.set(forged, done));
    announce(forged);
    // Of two heads at once a client looks at the last only.
    await Promise.race([asked, new Promise((done) => setTimeout(done, LONGEST_WAIT))]);
    this.asked.delete(forged);
  }

  /** Somebody asks for a block. */
  onQuestion(entry) {
    this.asked.get(entry)?.();
  }

  /** The mix of a state as the node tells it. */
  mix(entry, epoch) {
    const mix = Uint8Array.from(this.chain.mix(entry, epoch));
    if (this.mixSlots.has(entry.slot)) mix[0] ^= 1;
    return mix;
  }

  #say(kind, { slot, root }) {
    console.log(`forged ${kind} at slot ${slot}, root ${hex(root)}`);
  }
}
