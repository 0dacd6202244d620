// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @title Hash tree roots of SSZ.
library Ssz {
    /// @notice SHA-256 of two chunks: one node of the tree.
    /// @param left First chunk.
    /// @param right Second chunk.
    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(left, right));
    }

    /// @notice Root of a tree with four leaves.
    /// @param a First leaf.
    /// @param b Second leaf.
    /// @param c Third leaf.
    /// @param d Fourth leaf.
    function tree4(bytes32 a, bytes32 b, bytes32 c, bytes32 d) internal pure returns (bytes32) {
        return node(node(a, b), node(c, d));
    }

    /// @notice Root of a tree with eight leaves.
    /// @param leaves The leaves.
    function tree8(bytes32[8] memory leaves) internal pure returns (bytes32) {
        return node(tree4(leaves[0], leaves[1], leaves[2], leaves[3]), tree4(leaves[4], leaves[5], leaves[6], leaves[7]));
    }

    /// @notice Root of `Bytes48`.
    /// @param value 48 bytes.
    function bytes48Root(bytes memory value) internal pure returns (bytes32) {
        assert(value.length == 48);
        return sha256(abi.encodePacked(value, bytes16(0)));
    }

    /// @notice The chunk of an unsigned integer of any width: little-endian, zeros after it.
    /// @param value The integer.
    function chunk(uint256 value) internal pure returns (bytes32) {
        // Swap neighbouring bytes, then pairs, and so on: log2(32) steps reverse the word.
        value = ((value & 0xff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00) >> 8)
            | ((value & 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff) << 8);
        value = ((value & 0xffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000) >> 16)
            | ((value & 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff) << 16);
        value = ((value & 0xffffffff00000000ffffffff00000000ffffffff00000000ffffffff00000000) >> 32)
            | ((value & 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff) << 32);
        value = ((value & 0xffffffffffffffff0000000000000000ffffffffffffffff0000000000000000) >> 64)
            | ((value & 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff) << 64);
        return bytes32((value >> 128) | (value << 128));
    }

    /// @notice The root that a leaf and its branch lead to.
    /// @param leaf The node at the bottom.
    /// @param branch Its siblings, from the bottom up.
    /// @param path Bit `i` says whether the node at height `i` is a right child.
    function fold(bytes32 leaf, bytes32[] memory branch, uint256 path) internal pure returns (bytes32 root) {
        root = leaf;
        for (uint256 i = 0; i < branch.length; ++i) {
            root = (path >> i) & 1 == 1 ? node(branch[i], root) : node(root, branch[i]);
        }
    }
}
