// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Signing} from "./lib/Signing.sol";

/// @title The chain's slots and epochs, and the fork data that signatures are bound to.
/// @dev A block's timestamp is the start of its slot, so that every contract and every sidecar agrees on the epoch of a block.
abstract contract BeaconClock {
    /// @notice What a network's beacon chain says of itself.
    struct Network {
        uint64 genesisTime;
        uint64 secondsPerSlot;
        uint64 slotsPerEpoch;
        bytes4 genesisForkVersion;
        bytes32 genesisValidatorsRoot;
    }

    /// @notice A slot or an epoch of zero length.
    error InvalidClock(uint64 secondsPerSlot, uint64 slotsPerEpoch);
    /// @notice The block is older than the beacon chain.
    error BeforeGenesis(uint256 timestamp, uint64 genesisTime);

    /// @notice Genesis of the beacon chain, seconds.
    uint64 public immutable GENESIS_TIME;
    /// @notice Length of a slot, seconds.
    uint64 public immutable SECONDS_PER_SLOT;
    /// @notice Length of an epoch, slots.
    uint64 public immutable SLOTS_PER_EPOCH;
    /// @notice `compute_fork_data_root` of the genesis fork version and genesis validators root.
    bytes32 public immutable FORK_DATA_ROOT;

    constructor(Network memory network) {
        if (network.secondsPerSlot == 0 || network.slotsPerEpoch == 0) {
            revert InvalidClock(network.secondsPerSlot, network.slotsPerEpoch);
        }
        GENESIS_TIME = network.genesisTime;
        SECONDS_PER_SLOT = network.secondsPerSlot;
        SLOTS_PER_EPOCH = network.slotsPerEpoch;
        FORK_DATA_ROOT = Signing.forkDataRoot(network.genesisForkVersion, network.genesisValidatorsRoot);
    }

    /// @notice The epoch that this block lies in.
    function currentEpoch() public view returns (uint64) {
        if (block.timestamp < GENESIS_TIME) revert BeforeGenesis(block.timestamp, GENESIS_TIME);
        return uint64((block.timestamp - GENESIS_TIME) / SECONDS_PER_SLOT / SLOTS_PER_EPOCH);
    }
}
