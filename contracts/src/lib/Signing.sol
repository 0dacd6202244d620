// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Ssz} from "./Ssz.sol";

/// @notice What a prover signs for each submission. The signature covers its hash tree root, under the domain of the phase.
struct SubmissionHeader {
    /// Hash tree root of the job's id.
    bytes32 jobRoot;
    /// 1 for T1, …, 5 for T5.
    uint8 phase;
    /// The prover's key, 48 bytes.
    bytes prover;
    /// Hash tree root of the body.
    bytes32 bodyRoot;
}

/// @title Signing domains and signing roots of the consensus specs, for what Quintet signs.
library Signing {
    /// @notice T1 submissions.
    bytes4 internal constant DOMAIN_COMMITMENTS = 0x51000000;
    /// @notice T2 submissions.
    bytes4 internal constant DOMAIN_PARTIAL_PROOFS = 0x51000001;
    /// @notice Proofs of possession at a prover's registration.
    bytes4 internal constant DOMAIN_PROVER_REGISTRATION = 0x51000006;
    /// @notice Proofs of possession at a validator's enrolment.
    bytes4 internal constant DOMAIN_VALIDATOR_ENROLMENT = 0x51000007;
    /// @notice Settlements.
    bytes4 internal constant DOMAIN_SETTLEMENT = 0x51000008;

    /// @notice `compute_fork_data_root`.
    /// @param forkVersion The genesis fork version.
    /// @param genesisValidatorsRoot The genesis validators root.
    function forkDataRoot(bytes4 forkVersion, bytes32 genesisValidatorsRoot) internal pure returns (bytes32) {
        return Ssz.node(bytes32(forkVersion), genesisValidatorsRoot);
    }

    /// @notice `compute_domain`: the type, then the first 28 bytes of the fork data root.
    /// @param domainType What is signed.
    /// @param forkData From `forkDataRoot`.
    function domain(bytes4 domainType, bytes32 forkData) internal pure returns (bytes32) {
        return bytes32(domainType) | (forkData >> 32);
    }

    /// @notice `compute_signing_root`.
    /// @param objectRoot Hash tree root of what is signed.
    /// @param domain_ The domain.
    function signingRoot(bytes32 objectRoot, bytes32 domain_) internal pure returns (bytes32) {
        return Ssz.node(objectRoot, domain_);
    }

    /// @notice Hash tree root of a header. Its key must have 48 bytes.
    /// @param header The header.
    function headerRoot(SubmissionHeader memory header) internal pure returns (bytes32) {
        return Ssz.tree4(header.jobRoot, Ssz.chunk(header.phase), Ssz.bytes48Root(header.prover), header.bodyRoot);
    }

    /// @notice What a proof of possession signs after the key: it holds for one purpose, chain, contract and owner, so that nobody
    /// can hand it in under another name.
    /// @param purpose The domain type.
    /// @param owner Who registers the key.
    function possessionBinding(bytes4 purpose, address owner) internal view returns (bytes32) {
        return keccak256(abi.encode(purpose, block.chainid, address(this), owner));
    }
}
