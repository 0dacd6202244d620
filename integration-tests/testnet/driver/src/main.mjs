// A chain of one process for tests: blocks in the current wire format over a real execution client.
//
// Not a beacon client: no peers, no fork choice. Every block is signed by its proposer, carries all attestations and sync
// committee signatures, passes Lodestar's state transition, and its payload is built and validated by the execution client
// over the Engine API. Routes and codecs of the Beacon API are Lodestar's.
import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";

import { Api } from "./api.mjs";
import { Chain } from "./chain.mjs";
import { ExecutionClient } from "./engine.mjs";
import { Forger } from "./forge.mjs";
import { chainConfig, genesisState } from "./genesis.mjs";
import { hex } from "./hex.mjs";
import { BlockLog } from "./log.mjs";

const { values: args } = parseArgs({
  options: {
    engine: { type: "string" },
    execution: { type: "string" },
    "jwt-secret": { type: "string" },
    port: { type: "string", default: "5052" },
    "slot-ms": { type: "string", default: "4000" },
    "fulu-epoch": { type: "string", default: "1" },
    validators: { type: "string", default: "8" },
    data: { type: "string" },
  },
});
for (const name of ["engine", "execution", "jwt-secret", "data"]) {
  if (args[name] === undefined) throw Error(`--${name} is missing`);
}

/** Slots in a row without a block after which there is no use in going on. */
const MOST_FAILURES = 20;

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const slotMs = Number(args["slot-ms"]);
const secret = Buffer.from(fs.readFileSync(args["jwt-secret"], "utf8").trim().replace(/^0x/, ""), "hex");
const execution = new ExecutionClient(args.execution, args.engine, secret);
const log = new BlockLog(args.data);

const executionGenesis = await execution.block("0x0");
const config = chainConfig({ slotMs, fuluEpoch: Number(args["fulu-epoch"]), chainId: await execution.chainId() });
// The first slot starts at a whole second, so that clients can compute it from the genesis time.
const genesisTime = log.genesisTime() ?? Math.ceil((Date.now() + slotMs) / 1000);
log.begin(genesisTime);
const genesis = genesisState(config, executionGenesis, genesisTime, Number(args.validators));
const chain = new Chain(genesis, execution, executionGenesis.hash, slotMs);
for (const block of log.blocks(chain)) chain.replay(block);
if (chain.head.slot > 0) console.log(`resumed at slot ${chain.head.slot}`);

const forger = new Forger(path.join(args.data, "forge"), chain);
const api = new Api(chain, forger);
await api.listen(Number(args.port));
console.log(`genesis ${genesisTime}, validators root ${hex(chain.genesisValidatorsRoot)}, head ${chain.head.slot}`);

for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
let failures = 0;
for (;;) {
  const now = Math.floor((Date.now() - genesisTime * 1000) / slotMs);
  const slot = Math.max(chain.head.slot, now) + 1;
  await sleep(Math.max(0, genesisTime * 1000 + slot * slotMs - Date.now()));
  let block;
  try {
    block = await chain.propose(slot);
    failures = 0;
  } catch (error) {
    // As a validator would: the slot stays empty. A chain that never comes back to life ends.
    console.error(`slot ${slot}: no block`, error);
    if (++failures === MOST_FAILURES) process.exit(1);
    continue;
  }
  log.append(chain, block);
  await forger.atBlock(block, (forged) => api.announce(forged));
  api.announce(chain.head);
  console.log(chain.describeHead());
}
