// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {BeaconProof, BeaconValidatorProof} from "../src/lib/BeaconProof.sol";
import {Bls12381, G1Point, G2Point} from "../src/lib/Bls12381.sol";
import {HashToG2} from "../src/lib/HashToG2.sol";
import {Payments} from "../src/lib/Payments.sol";
import {Signing, SubmissionHeader} from "../src/lib/Signing.sol";
import {Ssz} from "../src/lib/Ssz.sol";
import {Deployment} from "./support/Deployment.sol";
import {Signer} from "./support/Signer.sol";
import {vm} from "./support/Vm.sol";

/// @title The libraries against what blst, the daemon's code and a consensus client computed.
contract LibrariesTest is Deployment {
    function test_hash_to_g2_is_that_of_blst() public view {
        for (uint256 i = 0; i < 4; ++i) {
            string memory prefix = string.concat(".hash_to_g2[", vm.toString(i), "]");
            bytes memory message = vm.parseJsonBytes(signatures, string.concat(prefix, ".message"));
            G2Point memory point = HashToG2.hash(message, "QUUX-V01-CS02-with-BLS12381G2_XMD:SHA-256_SSWU_RO_");
            vm.assertEq(abi.encode(point), vm.parseJsonBytes(signatures, string.concat(prefix, ".point")));
        }
    }

    /// The first coordinate of RFC 9380's vector for the empty message (J.10.1).
    function test_hash_to_g2_is_that_of_the_rfc() public view {
        G2Point memory point = HashToG2.hash("", "QUUX-V01-CS02-with-BLS12381G2_XMD:SHA-256_SSWU_RO_");
        vm.assertEq(point.xc0Hi, 0x0141ebfbdca40eb85b87142e130ab689);
        vm.assertEq(point.xc0Lo, 0xc673cf60f1a3e98d69335266f30d9b8d4ac44c1038e9dcdd5393faf5c41fb78a);
    }

    function test_keys_and_signatures_are_those_of_the_daemon() public view {
        for (uint256 i = 0; i < 4; ++i) {
            Registration memory r = registration("provers", i);
            vm.assertEq(abi.encode(Signer.publicKey(r.secret)), abi.encode(r.key));
            vm.assertEq(Bls12381.compress(r.key), r.pubkey);
            vm.assertEq(abi.encode(Signer.prove(r.secret, r.binding)), abi.encode(r.possession));
        }
    }

    function test_signing_roots_are_those_of_the_daemon() public view {
        bytes32 fork = Signing.forkDataRoot(0x10000038, network().genesisValidatorsRoot);
        vm.assertEq(Signing.domain(0x51000002, fork), vm.parseJsonBytes32(signatures, ".submission_domain_t3"));
        SubmissionHeader memory header = SubmissionHeader({
            jobRoot: vm.parseJsonBytes32(signatures, ".equivocations[1].job_root"),
            phase: 2,
            prover: registration("provers", 0).pubkey,
            bodyRoot: vm.parseJsonBytes32(signatures, ".equivocations[1].a.body_root")
        });
        bytes32 root = Signing.headerRoot(header);
        vm.assertEq(root, vm.parseJsonBytes32(signatures, ".equivocations[1].a.header_root"));
        root = Signing.signingRoot(root, Signing.domain(Signing.DOMAIN_PARTIAL_PROOFS, fork));
        vm.assertEq(root, vm.parseJsonBytes32(signatures, ".equivocations[1].a.signing_root"));
        G2Point memory signature = g2(".equivocations[1].a.signature");
        G1Point memory key = registration("provers", 0).key;
        vm.assertTrue(Bls12381.verify(key, bytes.concat(root), Bls12381.SIGNATURE_DST, signature));
        vm.assertFalse(Bls12381.verify(key, bytes.concat(root), Bls12381.POSSESSION_DST, signature));
        vm.assertFalse(Bls12381.verify(key, bytes.concat(root ^ bytes32(uint256(1))), Bls12381.SIGNATURE_DST, signature));
        vm.assertFalse(Bls12381.verify(Bls12381.negate(key), bytes.concat(root), Bls12381.SIGNATURE_DST, signature));
    }

    function test_infinity_signs_nothing() public view {
        G1Point memory key;
        G2Point memory signature;
        // e(∞, H) · e(−g, ∞) is 1: the equation alone would accept it.
        vm.assertFalse(Bls12381.verify(key, "message", Bls12381.SIGNATURE_DST, signature));
        vm.assertFalse(Bls12381.verify(registration("provers", 0).key, "message", Bls12381.SIGNATURE_DST, signature));
    }

    function test_points_off_the_curve_verify_nothing() public view {
        Registration memory r = registration("provers", 0);
        r.key.yLo ^= 1;
        vm.assertFalse(this.possesses{gas: 3_000_000}(r.key, bytes.concat(r.pubkey, r.binding), r.possession));
        r.key.yLo ^= 1;
        vm.assertTrue(this.possesses{gas: 3_000_000}(r.key, bytes.concat(r.pubkey, r.binding), r.possession));
    }

    function test_a_point_on_the_curve_outside_the_subgroup_verifies_nothing() public view {
        // x = 4 has a point on y² = x³ + 4 that no multiple of the generator is; y was computed apart.
        G1Point memory point = G1Point(
            0, 4, 0x0a989badd40d6212b33cffc3f3763e9b, 0xc760f988c9926b26da9dd85e928483446346b8ed00e1de5d5ea93e354abe706c
        );
        Bls12381.add(point, point);
        G2Point memory any = registration("provers", 0).possession;
        vm.assertFalse(Bls12381.verify(point, "message", Bls12381.SIGNATURE_DST, any));
    }

    function test_unreduced_coordinates_are_refused() public {
        G1Point memory point = registration("provers", 0).key;
        point.xHi += uint256(1) << 128;
        vm.expectRevert(abi.encodeWithSelector(Bls12381.PointRefused.selector, point, point));
        this.add(point, point);
    }

    function test_negation_cancels(uint256 secret) public view {
        secret = (secret >> 2) + 1;
        G1Point memory key = Signer.publicKey(secret);
        vm.assertTrue(Bls12381.isInfinity(Bls12381.add(key, Bls12381.negate(key))));
        vm.assertTrue(Bls12381.isInfinity(Bls12381.negate(G1Point(0, 0, 0, 0))));
        bytes memory sign = Bls12381.compress(key);
        bytes memory other = Bls12381.compress(Bls12381.negate(key));
        vm.assertTrue(sign[0] ^ other[0] == 0x20);
    }

    function test_a_chain_without_the_precompiles_is_named() public {
        // An address without code answers with success and nothing, which is what happens before Prague.
        vm.mockCall(address(0x11), hex"", hex"");
        vm.expectRevert(abi.encodeWithSelector(HashToG2.PrecompileFailed.selector, address(0x11)));
        this.hash("m");
    }

    function test_chunks_are_little_endian(uint64 value) public pure {
        bytes32 chunk = Ssz.chunk(value);
        for (uint256 i = 0; i < 32; ++i) {
            vm.assertEq(uint8(chunk[i]), i < 8 ? uint8(value >> (8 * i)) : 0);
        }
        vm.assertEq(uint256(Ssz.chunk(uint256(bytes32(Ssz.chunk(value))))), value);
    }

    function test_a_key_of_another_length_has_no_root() public {
        vm.expectRevert();
        this.bytes48Root(new bytes(47));
    }

    function test_records_and_branches_are_those_of_a_consensus_client() public {
        string[3] memory names = ["active_fulu", "active_electra", "later"];
        for (uint256 b = 0; b < 3; ++b) {
            uint64 timestamp = setBeaconRoot(beaconRoot(names[b]));
            for (uint256 i = 0; i < 4; ++i) {
                BeaconValidatorProof memory proof = beaconProof(names[b], i, timestamp);
                string memory prefix = string.concat(".", names[b], ".validators[", vm.toString(i), "]");
                bytes memory pubkey = vm.parseJsonBytes(beacon, string.concat(prefix, ".pubkey"));
                bytes32 root = vm.parseJsonBytes32(beacon, string.concat(prefix, ".record_root"));
                vm.assertEq(BeaconProof.recordRoot(proof.validator, pubkey), root);
                this.checkProof(proof, pubkey);
            }
        }
    }

    function test_generalized_indices_are_those_of_a_consensus_client() public view {
        uint256 list = (11 << 41) | (3 << 47) | (uint256(1) << 50);
        vm.assertEq(list | 300, vm.parseJsonUint(beacon, ".active_fulu.validators[2].generalized_index"));
    }

    function test_a_changed_record_or_branch_does_not_lead_to_the_root(uint256 place, uint8 bit) public {
        uint64 timestamp = setBeaconRoot(beaconRoot("active_fulu"));
        BeaconValidatorProof memory proof = beaconProof("active_fulu", 2, timestamp);
        bytes memory pubkey = registration("validators", 2).pubkey;
        place %= 58;
        if (place < 50) proof.branch[place] ^= bytes32(uint256(1) << bit);
        else if (place == 50) proof.validator.withdrawalCredentials ^= bytes32(uint256(1) << bit);
        else if (place == 51) proof.validator.effectiveBalanceGwei ^= uint64(1) << (bit % 64);
        else if (place == 52) proof.validator.slashed = true;
        else if (place == 53) proof.validator.activationEpoch ^= uint64(1) << (bit % 64);
        else if (place == 54) proof.validator.exitEpoch ^= uint64(1) << (bit % 64);
        else if (place == 55) proof.validator.withdrawableEpoch ^= uint64(1) << (bit % 64);
        else if (place == 56) proof.index ^= uint64(1) << (bit % 40);
        else pubkey[bit % 48] ^= 0x01;
        vm.expectPartialRevert(BeaconProof.WrongBeaconRoot.selector);
        this.checkProof(proof, pubkey);
    }

    function test_malformed_proofs_are_refused() public {
        uint64 timestamp = setBeaconRoot(beaconRoot("active_fulu"));
        bytes memory pubkey = registration("validators", 0).pubkey;
        BeaconValidatorProof memory proof = beaconProof("active_fulu", 0, timestamp);
        proof.branch = new bytes32[](49);
        vm.expectRevert(abi.encodeWithSelector(BeaconProof.BranchLength.selector, 49));
        this.checkProof(proof, pubkey);
        // An index with bits above the list would walk another way up.
        proof = beaconProof("active_fulu", 0, timestamp);
        proof.index = uint64(1) << 40;
        vm.expectRevert(abi.encodeWithSelector(BeaconProof.ValidatorIndexTooLarge.selector, proof.index));
        this.checkProof(proof, pubkey);
        proof = beaconProof("active_fulu", 0, timestamp - 12);
        vm.expectRevert(abi.encodeWithSelector(BeaconProof.UnknownBeaconRoot.selector, timestamp - 12));
        this.checkProof(proof, pubkey);
    }

    function test_payments_that_are_refused_revert() public {
        this.pay(address(this), 0);
        vm.expectRevert(abi.encodeWithSelector(Payments.PaymentRefused.selector, address(this), 1));
        this.pay(address(this), 1);
    }

    // Calls from outside, so that reverts can be expected.

    function add(G1Point calldata a, G1Point calldata b) external view returns (G1Point memory) {
        return Bls12381.add(a, b);
    }

    function possesses(G1Point calldata key, bytes calldata message, G2Point calldata proof) external view returns (bool) {
        return Bls12381.verify(key, message, Bls12381.POSSESSION_DST, proof);
    }

    function hash(bytes calldata message) external view returns (G2Point memory) {
        return HashToG2.hash(message, "tag");
    }

    function bytes48Root(bytes calldata value) external pure returns (bytes32) {
        return Ssz.bytes48Root(value);
    }

    function checkProof(BeaconValidatorProof calldata proof, bytes calldata pubkey) external view {
        BeaconProof.check(proof, pubkey);
    }

    function pay(address to, uint256 amount) external {
        vm.deal(address(this), amount);
        Payments.pay(to, amount);
    }
}
