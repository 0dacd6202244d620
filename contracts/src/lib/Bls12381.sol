// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {HashToG2} from "./HashToG2.sol";

/// @notice A point of G1 as EIP-2537 encodes it: each coordinate is 48 bytes, big-endian, in two words (16 zero bytes first).
struct G1Point {
    uint256 xHi;
    uint256 xLo;
    uint256 yHi;
    uint256 yLo;
}

/// @notice A point of G2 as EIP-2537 encodes it: x.c0, x.c1, y.c0, y.c1.
struct G2Point {
    uint256 xc0Hi;
    uint256 xc0Lo;
    uint256 xc1Hi;
    uint256 xc1Lo;
    uint256 yc0Hi;
    uint256 yc0Lo;
    uint256 yc1Hi;
    uint256 yc1Lo;
}

/// @title BLS signatures of the consensus layer (48-byte keys, 96-byte signatures) over the precompiles of EIP-2537.
/// @dev The pairing precompile checks curve and subgroup of every point it gets; addition checks the curve alone. So a key is
/// added to an aggregate only after a signature by it was verified once.
library Bls12381 {
    /// @notice The curve's precompile refused an addition: a coordinate is not reduced or the point is not on the curve.
    error PointRefused(G1Point a, G1Point b);

    /// @notice Tag of ordinary signatures (proof-of-possession ciphersuite).
    bytes internal constant SIGNATURE_DST = "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";
    /// @notice Tag of proofs of possession.
    bytes internal constant POSSESSION_DST = "BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

    address private constant G1ADD = address(0x0b);
    address private constant PAIRING = address(0x0f);

    uint256 private constant P_HI = 0x1a0111ea397fe69a4b1ba7b6434bacd7;
    uint256 private constant P_LO = 0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab;
    uint256 private constant HALF_P_HI = 0x0d0088f51cbff34d258dd3db21a5d66b;
    uint256 private constant HALF_P_LO = 0xb23ba5c279c2895fb39869507b587b120f55ffff58a9ffffdcff7fffffffd555;

    /// @notice Whether `signature` is the signature of `message` by `key` under the tag `dst`. False, too, for points that are
    /// malformed, off the curve or outside the subgroup, and for the point at infinity as key.
    /// @param key Whose signature it should be.
    /// @param message What should be signed.
    /// @param dst Domain separation tag, shorter than 256 bytes.
    /// @param signature The signature.
    function verify(G1Point memory key, bytes memory message, bytes memory dst, G2Point memory signature)
        internal
        view
        returns (bool)
    {
        if (isInfinity(key)) return false;
        bytes memory input = abi.encode(key, HashToG2.hash(message, dst), negatedGenerator(), signature);
        (bool ok, bytes memory one) = PAIRING.staticcall(input);
        return ok && one.length == 32 && abi.decode(one, (uint256)) == 1;
    }

    /// @notice The sum of two points of the curve.
    /// @param a First.
    /// @param b Second.
    function add(G1Point memory a, G1Point memory b) internal view returns (G1Point memory) {
        (bool ok, bytes memory sum) = G1ADD.staticcall(abi.encode(a, b));
        if (!ok || sum.length != 128) revert PointRefused(a, b);
        return abi.decode(sum, (G1Point));
    }

    /// @notice The negative of a point with reduced coordinates.
    /// @param a The point.
    function negate(G1Point memory a) internal pure returns (G1Point memory) {
        if (isInfinity(a)) return a;
        unchecked {
            // p − y in two words; y < p, and y ≠ 0 because the curve has no point of order two.
            uint256 borrow = a.yLo > P_LO ? 1 : 0;
            return G1Point(a.xHi, a.xLo, P_HI - a.yHi - borrow, P_LO - a.yLo);
        }
    }

    /// @notice Whether this is the point at infinity, which EIP-2537 writes as zeros.
    /// @param a The point.
    function isInfinity(G1Point memory a) internal pure returns (bool) {
        return (a.xHi | a.xLo | a.yHi | a.yLo) == 0;
    }

    /// @notice The 48-byte form of a point other than infinity: x, with the sign of y in the third highest bit.
    /// @param a The point; its coordinates must be reduced, which the pairing checks.
    function compress(G1Point memory a) internal pure returns (bytes memory) {
        bool larger = a.yHi > HALF_P_HI || (a.yHi == HALF_P_HI && a.yLo > HALF_P_LO);
        uint256 flags = larger ? 0xa0 : 0x80;
        return abi.encodePacked(bytes16(uint128(a.xHi | (flags << 120))), a.xLo);
    }

    /// @dev −g₁: with it, e(key, H(m)) · e(−g₁, signature) = 1 is what verification asks.
    function negatedGenerator() private pure returns (G1Point memory) {
        return G1Point(
            0x17f1d3a73197d7942695638c4fa9ac0f,
            0xc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb,
            0x114d1d6855d545a8aa7d76c8cf2e21f2,
            0x67816aef1db507c96655b9d5caac42364e6f38ba0ecb751bad54dcd6b939c2ca
        );
    }
}
