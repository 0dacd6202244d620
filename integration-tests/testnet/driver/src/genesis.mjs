// Chain configuration (minimal preset, Electra from genesis) and genesis state with interop validators.
import { digest } from "@chainsafe/as-sha256";
import { Tree, toGindex } from "@chainsafe/persistent-merkle-tree";
import { createBeaconConfig, createChainForkConfig } from "@lodestar/config";
import { minimalChainConfig } from "@lodestar/config/configs";
import { DOMAIN_DEPOSIT } from "@lodestar/params";
import * as transition from "@lodestar/state-transition";
import { ssz } from "@lodestar/types";

import { bytes } from "./hex.mjs";

const STAKE_GWEI = 32e9;

export function chainConfig({ slotMs, fuluEpoch, chainId }) {
  return createChainForkConfig({
    ...minimalChainConfig,
    ALTAIR_FORK_EPOCH: 0,
    BELLATRIX_FORK_EPOCH: 0,
    CAPELLA_FORK_EPOCH: 0,
    DENEB_FORK_EPOCH: 0,
    ELECTRA_FORK_EPOCH: 0,
    FULU_FORK_EPOCH: fuluEpoch,
    SLOT_DURATION_MS: slotMs,
    SECONDS_PER_SLOT: slotMs / 1000,
    GENESIS_DELAY: 0,
    TERMINAL_TOTAL_DIFFICULTY: 0n,
    DEPOSIT_CHAIN_ID: chainId,
    DEPOSIT_NETWORK_ID: chainId,
  });
}

/** State, configuration and secret keys of a network that starts at `genesisTime` (Unix seconds). */
export function genesisState(chainConfig, executionGenesis, genesisTime, validators) {
  const secretKeys = transition.interopSecretKeys(validators);
  const publicKeys = secretKeys.map((key) => key.toPublicKey().toBytes());
  const empty = transition.createEmptyEpochCacheImmutableData(chainConfig, { genesisValidatorsRoot: new Uint8Array(32) });
  const initial = transition.initializeBeaconStateFromEth1(
    chainConfig,
    empty,
    bytes(executionGenesis.hash),
    0,
    deposits(chainConfig, secretKeys, publicKeys),
    undefined,
    executionHeader(executionGenesis)
  );
  initial.genesisTime = genesisTime;
  initial.commit();
  const config = createBeaconConfig(chainConfig, initial.genesisValidatorsRoot);
  const view = config.getForkTypes(0).BeaconState.deserializeToViewDU(initial.serialize());
  const state = transition.createCachedBeaconState(view, { config, pubkeyCache: empty.pubkeyCache });
  return { config, state, secretKeys, publicKeys };
}

function deposits(config, secretKeys, publicKeys) {
  const domain = transition.computeDomain(DOMAIN_DEPOSIT, config.GENESIS_FORK_VERSION, new Uint8Array(32));
  const list = ssz.phase0.DepositDataRootList.defaultViewDU();
  return secretKeys.map((key, index) => {
    const withdrawalCredentials = digest(publicKeys[index]);
    withdrawalCredentials[0] = 0;
    const message = { pubkey: publicKeys[index], withdrawalCredentials, amount: STAKE_GWEI };
    const root = transition.computeSigningRoot(ssz.phase0.DepositMessage, message, domain);
    const data = { ...message, signature: key.sign(root).toBytes() };
    list.push(ssz.phase0.DepositData.hashTreeRoot(data));
    list.commit();
    return { data, proof: new Tree(list.node).getSingleProof(toGindex(list.type.depth, BigInt(index))) };
  });
}

function executionHeader(block) {
  const header = ssz.electra.ExecutionPayloadHeader.defaultViewDU();
  header.blockHash = bytes(block.hash);
  header.stateRoot = bytes(block.stateRoot);
  header.receiptsRoot = bytes(block.receiptsRoot);
  header.gasLimit = Number(block.gasLimit);
  header.baseFeePerGas = BigInt(block.baseFeePerGas);
  header.timestamp = Number(block.timestamp);
  return header;
}
