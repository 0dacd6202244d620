// Execution payloads: what the execution client is asked for, and its answer as part of a block.
import * as transition from "@lodestar/state-transition";

import { bytes, hex, quantity } from "./hex.mjs";

const FEE_RECIPIENT = `0x${"00".repeat(19)}fe`;

/** Attributes of the payload at `slot`, whose pre-state is `state`, with the withdrawals that they promise. */
export function payloadAttributes(config, state, slot, slotMs, parentRoot) {
  const withdrawals = transition.getExpectedWithdrawals(config.getForkSeq(slot), state).expectedWithdrawals;
  const json = {
    timestamp: quantity(state.genesisTime + Math.floor((slot * slotMs) / 1000)),
    prevRandao: hex(transition.getRandaoMix(state, transition.computeEpochAtSlot(slot))),
    suggestedFeeRecipient: FEE_RECIPIENT,
    withdrawals: withdrawals.map(({ index, validatorIndex, address, amount }) => ({
      index: quantity(index),
      validatorIndex: quantity(validatorIndex),
      address: hex(address),
      amount: quantity(amount),
    })),
    parentBeaconBlockRoot: hex(parentRoot),
  };
  return { json, withdrawals };
}

/** The payload as a block holds it. */
export function fromEngine(payload, withdrawals) {
  return {
    parentHash: bytes(payload.parentHash),
    feeRecipient: bytes(payload.feeRecipient),
    stateRoot: bytes(payload.stateRoot),
    receiptsRoot: bytes(payload.receiptsRoot),
    logsBloom: bytes(payload.logsBloom),
    prevRandao: bytes(payload.prevRandao),
    blockNumber: Number(payload.blockNumber),
    gasLimit: Number(payload.gasLimit),
    gasUsed: Number(payload.gasUsed),
    timestamp: Number(payload.timestamp),
    extraData: bytes(payload.extraData),
    baseFeePerGas: BigInt(payload.baseFeePerGas),
    blockHash: bytes(payload.blockHash),
    transactions: payload.transactions.map(bytes),
    withdrawals,
    blobGasUsed: BigInt(payload.blobGasUsed),
    excessBlobGas: BigInt(payload.excessBlobGas),
  };
}
