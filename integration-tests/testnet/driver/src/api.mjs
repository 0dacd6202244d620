// The Beacon API. Routes, codecs and content negotiation are Lodestar's; this file answers.
import { registerRoutes } from "@lodestar/api/beacon/server";
import { addSszContentTypeParser } from "@lodestar/api/server";
import { chainConfigToJson } from "@lodestar/config";
import { SLOTS_PER_EPOCH, activePreset } from "@lodestar/params";
import { computeEpochAtSlot, computeStartSlotAtEpoch } from "@lodestar/state-transition";
import fastify from "fastify";
import qs from "qs";

import { hex } from "./hex.mjs";

const NO_ROOT = hex(new Uint8Array(32));
const NAMESPACES = ["beacon", "config", "debug", "events", "node", "validator"];

class NotFound extends Error {
  statusCode = 404;
}

/** Routes of a namespace; those that are missing are answered with 404. */
const routes = (methods) =>
  new Proxy(methods, {
    get: (target, name) =>
      target[name] ??
      (async () => {
        throw new NotFound(`not implemented: ${String(name)}`);
      }),
  });

export class Api {
  constructor(chain, forger) {
    this.chain = chain;
    this.forger = forger;
    this.subscribers = new Set();
  }

  async listen(port) {
    const server = fastify({
      ajv: { customOptions: { coerceTypes: "array" } },
      routerOptions: {
        querystringParser: (text) => qs.parse(text, { comma: true, arrayLimit: 1000, parseArrays: true }),
        maxParamLength: 1000,
      },
      forceCloseConnections: true,
    });
    addSszContentTypeParser(server);
    const methods = {
      beacon: routes(this.#beacon()),
      config: routes(this.#config()),
      debug: routes(this.#debug()),
      events: routes(this.#events()),
      node: routes(this.#node()),
      validator: routes(this.#validator()),
    };
    registerRoutes(server, this.chain.config, methods, NAMESPACES);
    await server.listen({ port, host: "127.0.0.1" });
  }

  /** Tells subscribers about a head, and about finality when an epoch begins. */
  announce(entry) {
    const { slot, root, block, state } = entry;
    this.#emit("block", { slot, block: hex(root), executionOptimistic: false });
    this.#emit("head", {
      slot,
      block: hex(root),
      state: hex(block.message.stateRoot),
      epochTransition: this.chain.isEpochStart(slot),
      previousDutyDependentRoot: NO_ROOT,
      currentDutyDependentRoot: NO_ROOT,
      executionOptimistic: false,
    });
    const { epoch, root: finalized } = state.finalizedCheckpoint;
    if (this.chain.isEpochStart(slot) && epoch > 0) {
      const data = { block: hex(finalized), state: NO_ROOT, epoch, executionOptimistic: false };
      this.#emit("finalized_checkpoint", data);
    }
  }

  #emit(type, message) {
    for (const subscriber of this.subscribers) {
      if (subscriber.topics.includes(type)) subscriber.onEvent({ type, message });
    }
  }

  /** The entry that an identifier of a block or state names. */
  #find(id) {
    const { chain } = this;
    const { finalizedCheckpoint, currentJustifiedCheckpoint } = chain.head.state;
    const checkpoint = ({ root }) => chain.byRoot.get(hex(root)) ?? chain.canonical.get(0);
    const text = String(id);
    const entry =
      text === "head" ? chain.head
      : text === "genesis" ? chain.canonical.get(0)
      : text === "finalized" ? checkpoint(finalizedCheckpoint)
      : text === "justified" ? checkpoint(currentJustifiedCheckpoint)
      : text.startsWith("0x") ? chain.byRoot.get(text) ?? this.#byStateRoot(text)
      : chain.canonical.get(Number(text));
    if (entry === undefined) throw new NotFound(`not found: ${text}`);
    this.forger.onQuestion(entry);
    return entry;
  }

  #byStateRoot(text) {
    return [...this.chain.canonical.values()].find(({ block }) => hex(block.message.stateRoot) === text);
  }

  #findState(id) {
    const entry = this.#find(id);
    if (entry.state === undefined) throw new NotFound(`pruned: ${id}`);
    return entry;
  }

  #meta({ slot }) {
    return { executionOptimistic: false, finalized: this.chain.isFinalized(slot), version: this.chain.config.getForkName(slot) };
  }

  #header(entry) {
    const { slot, proposerIndex, parentRoot, stateRoot, body } = entry.block.message;
    const bodyRoot = this.chain.types(slot).BeaconBlockBody.hashTreeRoot(body);
    const message = { slot, proposerIndex, parentRoot, stateRoot, bodyRoot };
    const canonical = this.chain.canonical.get(slot) === entry;
    return { root: entry.root, canonical, header: { message, signature: entry.block.signature } };
  }

  #validatorAt({ state }, index) {
    const validator = state.validators.get(index).toValue();
    return { index, balance: state.balances.get(index), status: "active_ongoing", validator };
  }

  #beacon() {
    const { chain } = this;
    const byBlock = (answer) => async ({ blockId }) => {
      const entry = this.#find(blockId);
      return { data: answer(entry), meta: this.#meta(entry) };
    };
    const byState = (answer) => async (args) => {
      const entry = this.#findState(args.stateId);
      return { data: answer(entry, args), meta: this.#meta(entry) };
    };
    return {
      getGenesis: async () => ({
        data: {
          genesisTime: chain.head.state.genesisTime,
          genesisValidatorsRoot: chain.genesisValidatorsRoot,
          genesisForkVersion: chain.config.GENESIS_FORK_VERSION,
        },
      }),
      getBlockV2: byBlock(({ block }) => block),
      getBlockHeader: byBlock((entry) => this.#header(entry)),
      getBlockRoot: byBlock(({ root }) => ({ root })),
      getStateRoot: byState(({ block }) => ({ root: block.message.stateRoot })),
      getProposerLookahead: byState(({ state }) => {
        if (state.proposerLookahead === undefined) throw new NotFound("a state before Fulu has none");
        return Array.from(state.proposerLookahead.toValue());
      }),
      getStateFork: byState(({ state }) => state.fork.toValue()),
      getStateFinalityCheckpoints: byState(({ state }) => ({
        currentJustified: state.currentJustifiedCheckpoint.toValue(),
        previousJustified: state.previousJustifiedCheckpoint.toValue(),
        finalized: state.finalizedCheckpoint.toValue(),
      })),
      getStateRandao: byState((entry, { epoch }) => ({ randao: this.forger.mix(entry, epoch) })),
      getStateValidators: byState((entry) => chain.publicKeys.map((_, index) => this.#validatorAt(entry, index))),
      getStateValidator: byState((entry, { validatorId }) => this.#validatorAt(entry, Number(validatorId))),
    };
  }

  #config() {
    const { config } = this.chain;
    const preset = Object.fromEntries(Object.entries(activePreset).map(([key, value]) => [key, String(value)]));
    const scheduled = () => Object.values(config.forks).filter(({ epoch }) => epoch !== Number.POSITIVE_INFINITY);
    return {
      getSpec: async () => ({ data: { ...chainConfigToJson(config), ...preset } }),
      getForkSchedule: async () => ({
        data: scheduled().map(({ prevVersion, version, epoch }) => ({
          previousVersion: prevVersion,
          currentVersion: version,
          epoch,
        })),
      }),
    };
  }

  #debug() {
    return {
      getStateV2: async ({ stateId }, context) => {
        const entry = this.#findState(stateId);
        const data = context?.returnBytes ? entry.state.serialize() : entry.state.toValue();
        return { data, meta: this.#meta(entry) };
      },
    };
  }

  #events() {
    return {
      eventstream: async ({ topics, signal, onEvent }) => {
        const subscriber = { topics, onEvent };
        this.subscribers.add(subscriber);
        signal.addEventListener("abort", () => this.subscribers.delete(subscriber));
      },
    };
  }

  #node() {
    return {
      getNodeVersion: async () => ({ data: { version: "quintet-driver/lodestar-libraries-1.48.0" } }),
      getSyncingStatus: async () => ({
        data: { headSlot: this.chain.head.slot, syncDistance: 0, isSyncing: false, isOptimistic: false, elOffline: false },
      }),
      getHealth: async () => ({ status: 200 }),
    };
  }

  #validator() {
    return {
      getProposerDuties: async ({ epoch }) => {
        const { head, publicKeys } = this.chain;
        const current = computeEpochAtSlot(head.slot);
        if (epoch !== current) throw new NotFound(`duties are known for epoch ${current} only`);
        const first = computeStartSlotAtEpoch(epoch);
        const data = Array.from({ length: SLOTS_PER_EPOCH }, (_, offset) => {
          const validatorIndex = head.state.epochCtx.getBeaconProposer(first + offset);
          return { pubkey: publicKeys[validatorIndex], validatorIndex, slot: first + offset };
        });
        return { data, meta: { executionOptimistic: false, dependentRoot: NO_ROOT } };
      },
    };
  }
}
