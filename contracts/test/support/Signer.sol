// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Bls12381, G1Point, G2Point} from "../../src/lib/Bls12381.sol";
import {HashToG2} from "../../src/lib/HashToG2.sol";

/// @title Signing with the precompiles, for tests that need signatures of what they make up. That they agree with the daemon's is tested with
/// signatures that the daemon's code made.
library Signer {
    function publicKey(uint256 secret) internal view returns (G1Point memory) {
        bytes memory generator = abi.encode(
            G1Point(
                0x17f1d3a73197d7942695638c4fa9ac0f,
                0xc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb,
                0x08b3f481e3aaa0f1a09e30ed741d8ae4,
                0xfcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1
            )
        );
        (bool ok, bytes memory point) = address(0x0c).staticcall(bytes.concat(generator, abi.encode(secret)));
        assert(ok);
        return abi.decode(point, (G1Point));
    }

    function sign(uint256 secret, bytes32 root) internal view returns (G2Point memory) {
        return scale(HashToG2.hash(bytes.concat(root), Bls12381.SIGNATURE_DST), secret);
    }

    function prove(uint256 secret, bytes32 binding) internal view returns (G2Point memory) {
        bytes memory message = bytes.concat(Bls12381.compress(publicKey(secret)), binding);
        return scale(HashToG2.hash(message, Bls12381.POSSESSION_DST), secret);
    }

    function scale(G2Point memory point, uint256 by) internal view returns (G2Point memory) {
        (bool ok, bytes memory scaled) = address(0x0e).staticcall(bytes.concat(abi.encode(point), abi.encode(by)));
        assert(ok);
        return abi.decode(scaled, (G2Point));
    }

    function sum(G2Point memory a, G2Point memory b) internal view returns (G2Point memory) {
        (bool ok, bytes memory added) = address(0x0d).staticcall(abi.encode(a, b));
        assert(ok);
        return abi.decode(added, (G2Point));
    }
}
