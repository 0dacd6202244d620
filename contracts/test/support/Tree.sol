// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Settlement} from "../../src/Settlement.sol";

/// @title The tree of leaves, as the Rust code builds it: sorted pairs, a node without a sibling moves up as it is.
library Tree {
    function root(Settlement.Leaf[] memory leaves) internal pure returns (bytes32) {
        bytes32[] memory level = hashes(leaves);
        while (level.length > 1) level = up(level);
        return level[0];
    }

    function proof(Settlement.Leaf[] memory leaves, uint256 place) internal pure returns (bytes32[] memory siblings) {
        bytes32[] memory level = hashes(leaves);
        bytes32[] memory found = new bytes32[](64);
        uint256 n;
        for (; level.length > 1; place >>= 1) {
            if (place ^ 1 < level.length) found[n++] = level[place ^ 1];
            level = up(level);
        }
        siblings = new bytes32[](n);
        for (uint256 i = 0; i < n; ++i) {
            siblings[i] = found[i];
        }
    }

    function hashes(Settlement.Leaf[] memory leaves) private pure returns (bytes32[] memory level) {
        level = new bytes32[](leaves.length);
        for (uint256 i = 0; i < leaves.length; ++i) {
            bytes32 inner =
                keccak256(abi.encode(leaves[i].kind, leaves[i].index, leaves[i].rewards, leaves[i].penalties));
            level[i] = keccak256(bytes.concat(inner));
        }
    }

    function up(bytes32[] memory level) private pure returns (bytes32[] memory above) {
        above = new bytes32[]((level.length + 1) / 2);
        for (uint256 i = 0; i < above.length; ++i) {
            if (2 * i + 1 == level.length) {
                above[i] = level[2 * i];
                continue;
            }
            (bytes32 a, bytes32 b) = (level[2 * i], level[2 * i + 1]);
            above[i] = a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
        }
    }
}
