// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Ssz} from "./Ssz.sol";

/// @notice A record of the beacon state's `validators`, without its key.
struct BeaconValidator {
    bytes32 withdrawalCredentials;
    uint64 effectiveBalanceGwei;
    bool slashed;
    uint64 activationEligibilityEpoch;
    uint64 activationEpoch;
    uint64 exitEpoch;
    uint64 withdrawableEpoch;
}

/// @notice A validator's record together with its way to a beacon block root that EIP-4788 keeps.
struct BeaconValidatorProof {
    /// Timestamp of the execution block that knows the root: the root is the one of that block's parent.
    uint64 timestamp;
    /// Index of the validator.
    uint64 index;
    /// Its record.
    BeaconValidator validator;
    /// The 50 siblings from the record up to the block root.
    bytes32[] branch;
}

/// @title Proofs of validator records under beacon block roots (EIP-4788).
/// @dev The shape is that of Electra and Fulu: `BeaconState` has 33 to 64 fields (depth 6) with `validators` at place 11, the list has
/// depth 40 and its length mixed in, `BeaconBlockHeader` has depth 3 with `state_root` at place 3. A fork that changes it needs a new
/// deployment; until then proofs fail and nobody can enrol, while members and claims stay.
library BeaconProof {
    /// @notice EIP-4788 has no root for this timestamp: no block had it, or it is out of the ring of 8191.
    error UnknownBeaconRoot(uint64 timestamp);
    /// @notice A branch has another length than 50.
    error BranchLength(uint256 length);
    /// @notice No list has such an index.
    error ValidatorIndexTooLarge(uint64 index);
    /// @notice The branch leads to another root.
    error WrongBeaconRoot(bytes32 expected, bytes32 computed);

    /// @notice `FAR_FUTURE_EPOCH` of the consensus specs.
    uint64 internal constant FAR_FUTURE_EPOCH = type(uint64).max;
    /// @notice The contract of EIP-4788.
    address internal constant BEACON_ROOTS = 0x000F3df6D732807Ef1319fB7B8bB8522d0Beac02;

    uint256 private constant LIST_DEPTH = 40;
    /// From the bottom: 40 levels of the list, one for its length, six of the state, three of the header.
    uint256 private constant DEPTH = LIST_DEPTH + 1 + 6 + 3;
    uint256 private constant VALIDATORS_FIELD = 11;
    uint256 private constant STATE_ROOT_FIELD = 3;

    /// @notice Reverts unless the record stands under the block root that EIP-4788 has for the proof's timestamp.
    /// @param proof The proof.
    /// @param pubkey The record's key, 48 bytes.
    function check(BeaconValidatorProof memory proof, bytes memory pubkey) internal view {
        if (proof.branch.length != DEPTH) revert BranchLength(proof.branch.length);
        if (proof.index >> LIST_DEPTH != 0) revert ValidatorIndexTooLarge(proof.index);
        uint256 path = uint256(proof.index) | (VALIDATORS_FIELD << (LIST_DEPTH + 1)) | (STATE_ROOT_FIELD << (LIST_DEPTH + 7));
        bytes32 computed = Ssz.fold(recordRoot(proof.validator, pubkey), proof.branch, path);
        bytes32 expected = blockRoot(proof.timestamp);
        if (computed != expected) revert WrongBeaconRoot(expected, computed);
    }

    /// @notice Hash tree root of a record.
    /// @param validator The record.
    /// @param pubkey Its key, 48 bytes.
    function recordRoot(BeaconValidator memory validator, bytes memory pubkey) internal pure returns (bytes32) {
        return Ssz.tree8(
            [
                Ssz.bytes48Root(pubkey),
                validator.withdrawalCredentials,
                Ssz.chunk(validator.effectiveBalanceGwei),
                Ssz.chunk(validator.slashed ? 1 : 0),
                Ssz.chunk(validator.activationEligibilityEpoch),
                Ssz.chunk(validator.activationEpoch),
                Ssz.chunk(validator.exitEpoch),
                Ssz.chunk(validator.withdrawableEpoch)
            ]
        );
    }

    /// @notice The root of the parent of the block with this timestamp.
    /// @param timestamp Seconds.
    function blockRoot(uint64 timestamp) internal view returns (bytes32) {
        (bool ok, bytes memory root) = BEACON_ROOTS.staticcall(abi.encode(timestamp));
        if (!ok || root.length != 32) revert UnknownBeaconRoot(timestamp);
        return abi.decode(root, (bytes32));
    }
}
