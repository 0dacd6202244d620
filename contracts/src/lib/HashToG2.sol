// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {G2Point} from "./Bls12381.sol";

/// @title hash_to_curve of RFC 9380 for BLS12381G2_XMD:SHA-256_SSWU_RO_.
/// @dev MAP_FP2_TO_G2 of EIP-2537 clears the cofactor of each summand; clearing is linear, so the sum is the RFC's.
library HashToG2 {
    /// @notice A precompile that cannot fail on these inputs failed: the chain lacks EIP-2537, or gas ran out in it.
    error PrecompileFailed(address precompile);

    address private constant MODEXP = address(0x05);
    address private constant G2ADD = address(0x0d);
    address private constant MAP_FP2_TO_G2 = address(0x11);

    /// @notice The point of G2 that `message` hashes to under the tag `dst`.
    /// @param message Any bytes.
    /// @param dst Domain separation tag, shorter than 256 bytes.
    function hash(bytes memory message, bytes memory dst) internal view returns (G2Point memory) {
        bytes32[8] memory uniform = expandMessage(message, dst);
        bytes memory first = map(reduce(uniform[0], uniform[1]), reduce(uniform[2], uniform[3]));
        bytes memory second = map(reduce(uniform[4], uniform[5]), reduce(uniform[6], uniform[7]));
        return abi.decode(call(G2ADD, bytes.concat(first, second)), (G2Point));
    }

    /// @notice expand_message_xmd (RFC 9380, 5.3.1) with SHA-256, 256 bytes long.
    /// @param message Any bytes.
    /// @param dst Domain separation tag, shorter than 256 bytes.
    function expandMessage(bytes memory message, bytes memory dst) internal pure returns (bytes32[8] memory out) {
        bytes memory tag = abi.encodePacked(dst, uint8(dst.length));
        // One input block of zeros, the message, the output's length in two bytes, a zero byte, the tag.
        bytes32 zeroth = sha256(abi.encodePacked(bytes32(0), bytes32(0), message, uint16(256), uint8(0), tag));
        bytes32 last = 0;
        for (uint256 i = 0; i < 8; ++i) {
            last = sha256(abi.encodePacked(zeroth ^ last, uint8(i + 1), tag));
            out[i] = last;
        }
    }

    /// @dev 64 bytes, big-endian, modulo the field's order; the result has the 64 bytes that EIP-2537 wants.
    function reduce(bytes32 high, bytes32 low) private view returns (bytes memory) {
        bytes memory input = abi.encodePacked(
            uint256(64),
            uint256(1),
            uint256(64),
            high,
            low,
            uint8(1),
            uint256(0x1a0111ea397fe69a4b1ba7b6434bacd7),
            uint256(0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab)
        );
        return call(MODEXP, input);
    }

    /// @dev Both coordinates of a field element to a point of the subgroup.
    function map(bytes memory c0, bytes memory c1) private view returns (bytes memory) {
        return call(MAP_FP2_TO_G2, bytes.concat(c0, c1));
    }

    function call(address precompile, bytes memory input) private view returns (bytes memory) {
        (bool ok, bytes memory output) = precompile.staticcall(input);
        // An address without code answers with success and nothing.
        if (!ok || output.length == 0) revert PrecompileFailed(precompile);
        return output;
    }
}
