// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ValidatorSet} from "../src/ValidatorSet.sol";
import {BeaconProof, BeaconValidator, BeaconValidatorProof} from "../src/lib/BeaconProof.sol";
import {Bls12381, G1Point, G2Point} from "../src/lib/Bls12381.sol";
import {Deployment} from "./support/Deployment.sol";
import {Signer} from "./support/Signer.sol";
import {vm} from "./support/Vm.sol";

/// @title Enrolment, exits and quorums.
contract ValidatorSetTest is Deployment {
    bytes32 private constant ROOT = keccak256("root");

    // ---- Enrolment

    /// @dev Enrols one of the four validators of the consensus client's state, with the proof of possession from Rust.
    function enrolFixture(uint256 i, BeaconValidatorProof memory proof) private {
        Registration memory r = registration("validators", i);
        vm.prank(r.owner);
        validators.enrol(r.pubkey, r.key, r.possession, payout(i), proof);
    }

    function test_validators_of_a_real_state_enrol_and_count_after_the_delay() public {
        uint64 timestamp = setBeaconRoot(beaconRoot("active_fulu"));
        Registration memory r = registration("validators", 2);
        vm.assertEq(validators.possessionBinding(r.owner), r.binding);
        vm.expectEmit(address(validators));
        emit ValidatorSet.Enrolled(300, r.owner, r.pubkey, payout(2), 2_048_000_000_000, START_EPOCH + DELAY);
        enrolFixture(2, beaconProof("active_fulu", 2, timestamp));
        enrolFixture(0, beaconProof("active_fulu", 0, timestamp));
        vm.assertEq(validators.pendingChanges(), 2);
        atEpoch(START_EPOCH + DELAY - 1);
        vm.assertEq(validators.advance(9), 0);
        vm.assertEq(validators.memberCount(), 0);
        atEpoch(START_EPOCH + DELAY);
        vm.assertEq(validators.advance(1), 1);
        vm.assertEq(validators.advance(9), 1);
        vm.assertEq(validators.memberCount(), 2);
        vm.assertEq(validators.totalWeight(), 2_080_000_000_000);
        G1Point memory sum = Bls12381.add(r.key, registration("validators", 0).key);
        vm.assertEq(abi.encode(validators.aggregateKey()), abi.encode(sum));
        vm.assertEq(validators.payoutAddress(300), payout(2));
    }

    function test_enrolment_is_bound_to_owner_chain_and_contract() public {
        BeaconValidatorProof memory proof = beaconProof("active_fulu", 0, setBeaconRoot(beaconRoot("active_fulu")));
        Registration memory r = registration("validators", 0);
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.PossessionNotProven.selector, r.pubkey, address(this)));
        validators.enrol(r.pubkey, r.key, r.possession, payout(0), proof);
        vm.chainId(1);
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.PossessionNotProven.selector, r.pubkey, r.owner));
        enrolFixture(0, proof);
        vm.chainId(31337);
        ValidatorSet twin = new ValidatorSet(network(), validatorConfig());
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.PossessionNotProven.selector, r.pubkey, r.owner));
        vm.prank(r.owner);
        twin.enrol(r.pubkey, r.key, r.possession, payout(0), proof);
    }

    function test_only_validators_that_are_active_and_stay_so_enrol() public {
        BeaconValidator memory record = activeRecord(32e9);
        record.activationEpoch = START_EPOCH + 1;
        refusesRecord(record);
        record = activeRecord(32e9);
        record.exitEpoch = START_EPOCH + 1000;
        refusesRecord(record);
        record = activeRecord(32e9);
        record.slashed = true;
        refusesRecord(record);
        refusesRecord(activeRecord(0));
    }

    function refusesRecord(BeaconValidator memory record) private {
        atEpoch(validators.currentEpoch());
        vm.warp(block.timestamp + 12);
        G1Point memory key = Signer.publicKey(secretOf(9));
        bytes memory pubkey = Bls12381.compress(key);
        G2Point memory possession = Signer.prove(secretOf(9), validators.possessionBinding(address(this)));
        BeaconValidatorProof memory proof = madeUpProof(9, pubkey, record);
        vm.expectRevert(
            abi.encodeWithSelector(
                ValidatorSet.NotActive.selector,
                9,
                record.slashed,
                record.activationEpoch,
                record.exitEpoch,
                record.effectiveBalanceGwei,
                validators.currentEpoch()
            )
        );
        validators.enrol(pubkey, key, possession, payout(0), proof);
    }

    function test_old_roots_do_not_enrol() public {
        BeaconValidatorProof memory proof = beaconProof("active_fulu", 0, setBeaconRoot(beaconRoot("active_fulu")));
        vm.warp(block.timestamp + 3600);
        uint256 oldest = block.timestamp - 3599;
        vm.warp(block.timestamp + 1);
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.ProofTooOld.selector, proof.timestamp, oldest));
        enrolFixture(0, proof);
        vm.warp(block.timestamp - 1);
        enrolFixture(0, proof);
    }

    function test_enrolment_needs_matching_keys_an_address_and_a_free_place() public {
        BeaconValidatorProof memory proof = beaconProof("active_fulu", 0, setBeaconRoot(beaconRoot("active_fulu")));
        Registration memory r = registration("validators", 0);
        Registration memory other = registration("validators", 1);
        vm.startPrank(r.owner);
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.ZeroAddress.selector, "payout"));
        validators.enrol(r.pubkey, r.key, r.possession, address(0), proof);
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.KeyLength.selector, 0));
        validators.enrol("", r.key, r.possession, payout(0), proof);
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.KeyMismatch.selector, r.pubkey, other.pubkey));
        validators.enrol(r.pubkey, other.key, r.possession, payout(0), proof);
        // One's own key does not make one validator 0.
        vm.expectPartialRevert(BeaconProof.WrongBeaconRoot.selector);
        validators.enrol(other.pubkey, other.key, other.possession, payout(0), proof);
        validators.enrol(r.pubkey, r.key, r.possession, payout(0), proof);
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.AlreadyEnrolled.selector, 0));
        validators.enrol(r.pubkey, r.key, r.possession, payout(0), proof);
        vm.stopPrank();
    }

    // ---- Leaving

    function test_leaving_takes_effect_after_the_delay_and_coming_back_is_possible() public {
        enrolAndJoin(4);
        uint64 epoch = validators.currentEpoch();
        vm.expectRevert(
            abi.encodeWithSelector(ValidatorSet.NotOwner.selector, 1, validatorOwner(1), address(this))
        );
        validators.requestLeave(1);
        vm.expectEmit(address(validators));
        emit ValidatorSet.LeaveRequested(1, epoch + DELAY);
        vm.prank(validatorOwner(1));
        validators.requestLeave(1);
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.NotMember.selector, 1));
        vm.prank(validatorOwner(1));
        validators.requestLeave(1);
        vm.assertEq(validators.memberCount(), 4);
        atEpoch(epoch + DELAY);
        validators.advance(1);
        vm.assertEq(validators.memberCount(), 3);
        vm.assertEq(validators.totalWeight(), 96e9);
        vm.assertEq(validators.payoutAddress(1), validatorOwner(1));
        checkSum(0xd);
        enrol(1, 64e9);
        atEpoch(epoch + 2 * DELAY);
        validators.advance(1);
        vm.assertEq(validators.totalWeight(), 160e9);
        checkSum(0xf);
    }

    function test_who_leaves_before_joining_never_joins() public {
        enrol(0, 32e9);
        vm.prank(validatorOwner(0));
        validators.requestLeave(0);
        vm.warp(block.timestamp + 12);
        // Anew, at a time when the first request is not due yet: only the second counts.
        atEpoch(START_EPOCH + 1);
        enrol(0, 64e9);
        atEpoch(START_EPOCH + DELAY);
        vm.assertEq(validators.advance(9), 1);
        vm.assertEq(validators.memberCount(), 0);
        atEpoch(START_EPOCH + DELAY + 1);
        validators.advance(9);
        vm.assertEq(validators.memberCount(), 1);
        vm.assertEq(validators.totalWeight(), 64e9);
    }

    function test_the_payout_address_changes_by_the_owner() public {
        enrol(0, 32e9);
        vm.startPrank(validatorOwner(0));
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.ZeroAddress.selector, "to"));
        validators.setPayout(0, address(0));
        vm.expectEmit(address(validators));
        emit ValidatorSet.PayoutChanged(0, validatorOwner(0), payout(1));
        validators.setPayout(0, payout(1));
        vm.stopPrank();
        vm.assertEq(validators.payoutAddress(0), payout(1));
        vm.expectPartialRevert(ValidatorSet.NotOwner.selector);
        validators.setPayout(0, address(this));
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.NotMember.selector, 77));
        validators.payoutAddress(77);
    }

    // ---- Records

    function test_exits_and_slashings_of_a_real_state_remove_and_balances_change() public {
        uint64 timestamp = setBeaconRoot(beaconRoot("active_fulu"));
        for (uint256 i = 0; i < 4; ++i) {
            enrolFixture(i, beaconProof("active_fulu", i, timestamp));
        }
        atEpoch(START_EPOCH + DELAY);
        validators.advance(9);
        vm.assertEq(validators.totalWeight(), 2_144_000_000_000);
        atEpoch(229);
        timestamp = setBeaconRoot(beaconRoot("later"));
        // Exits with epoch 230, which is not yet; then slashed; a new balance; an exit far ahead.
        validators.refresh(beaconProof("later", 0, timestamp));
        vm.assertEq(validators.memberCount(), 4);
        BeaconValidatorProof memory slashed = beaconProof("later", 1, timestamp);
        vm.expectEmit(address(validators));
        emit ValidatorSet.Removed(1);
        validators.refresh(slashed);
        vm.assertEq(validators.memberCount(), 3);
        vm.expectEmit(address(validators));
        emit ValidatorSet.WeightChanged(300, 2_048_000_000_000, 31_000_000_000);
        validators.refresh(beaconProof("later", 2, timestamp));
        validators.refresh(beaconProof("later", 3, timestamp));
        vm.assertEq(validators.totalWeight(), 95_000_000_000);
        // An exit is final: the root it is proven with may be one that is known already.
        atEpoch(230);
        validators.refresh(beaconProof("later", 0, timestamp));
        vm.assertEq(validators.memberCount(), 2);
        vm.assertEq(validators.totalWeight(), 63_000_000_000);
        G1Point memory sum = Bls12381.add(registration("validators", 2).key, registration("validators", 3).key);
        vm.assertEq(abi.encode(validators.aggregateKey()), abi.encode(sum));
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.NotMember.selector, 1));
        validators.refresh(slashed);
    }

    function test_an_older_balance_does_not_replace_a_newer_one() public {
        enrol(0, 32e9);
        bytes memory pubkey = pubkeyOf(0);
        vm.warp(block.timestamp + 12);
        BeaconValidatorProof memory older = madeUpProof(0, pubkey, activeRecord(30e9));
        vm.warp(block.timestamp + 12);
        BeaconValidatorProof memory newer = madeUpProof(0, pubkey, activeRecord(31e9));
        validators.refresh(newer);
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.ProofNotNewer.selector, older.timestamp, newer.timestamp));
        validators.refresh(older);
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.ProofNotNewer.selector, newer.timestamp, newer.timestamp));
        validators.refresh(newer);
        // Not a member yet: the total takes over the new weight when it joins.
        vm.assertEq(validators.totalWeight(), 0);
        atEpoch(START_EPOCH + DELAY);
        validators.advance(1);
        vm.assertEq(validators.totalWeight(), 31e9);
    }

    function test_who_exits_before_joining_never_joins() public {
        enrol(0, 32e9);
        vm.warp(block.timestamp + 12);
        BeaconValidator memory record = activeRecord(32e9);
        record.exitEpoch = START_EPOCH;
        validators.refresh(madeUpProof(0, pubkeyOf(0), record));
        atEpoch(START_EPOCH + DELAY);
        vm.assertEq(validators.advance(9), 1);
        vm.assertEq(validators.memberCount(), 0);
        vm.assertTrue(Bls12381.isInfinity(validators.aggregateKey()));
    }

    // ---- Quorum

    function quorum(uint64[] memory signers, uint64[] memory absent) private view returns (uint256) {
        return validators.checkQuorum(ROOT, absent, signAll(ROOT, signers));
    }

    function list(uint64 a, uint64 b, uint64 c) private pure returns (uint64[] memory l) {
        l = new uint64[](3);
        (l[0], l[1], l[2]) = (a, b, c);
    }

    function one(uint64 a) private pure returns (uint64[] memory l) {
        l = new uint64[](1);
        l[0] = a;
    }

    function test_two_thirds_of_the_weight_are_a_quorum_and_less_is_none() public {
        enrolAndJoin(6);
        vm.assertEq(quorum(range(0, 6), range(0, 0)), 192e9);
        vm.assertEq(quorum(range(0, 5), one(5)), 160e9);
        vm.assertEq(quorum(range(0, 4), range(4, 6)), 128e9);
        G2Point memory half = signAll(ROOT, range(0, 3));
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.QuorumTooSmall.selector, 96e9, 192e9));
        validators.checkQuorum(ROOT, range(3, 6), half);
    }

    function test_weights_count_not_heads() public {
        enrol(0, 2048e9);
        for (uint64 i = 1; i < 5; ++i) {
            enrol(i, 32e9);
        }
        atEpoch(START_EPOCH + DELAY);
        validators.advance(9);
        vm.assertEq(quorum(one(0), range(1, 5)), 2048e9);
        G2Point memory small = signAll(ROOT, range(1, 5));
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.QuorumTooSmall.selector, 128e9, 2176e9));
        validators.checkQuorum(ROOT, one(0), small);
    }

    function test_the_signature_is_of_exactly_those_not_named_absent() public {
        enrolAndJoin(4);
        G2Point memory three = signAll(ROOT, range(0, 3));
        validators.checkQuorum(ROOT, one(3), three);
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.SignatureInvalid.selector, ROOT, new uint64[](0)));
        validators.checkQuorum(ROOT, new uint64[](0), three);
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.SignatureInvalid.selector, ROOT, one(2)));
        validators.checkQuorum(ROOT, one(2), three);
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.SignatureInvalid.selector, keccak256("another root"), one(3)));
        validators.checkQuorum(keccak256("another root"), one(3), three);
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.NotMember.selector, 4));
        validators.checkQuorum(ROOT, one(4), three);
        // The same one subtracted twice would make room for a forged key.
        uint64[] memory twice = new uint64[](2);
        (twice[0], twice[1]) = (3, 3);
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.AbsentNotAscending.selector, 3, 3));
        validators.checkQuorum(ROOT, twice, three);
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.AbsentNotAscending.selector, 2, 1));
        validators.checkQuorum(ROOT, list(2, 1, 0), three);
    }

    function test_a_key_made_to_cancel_the_others_cannot_enrol() public {
        enrolAndJoin(3);
        // rogue = mine − (sum of the others): with it in the set, `mine` alone would sign for all.
        uint256 mine = 12_345;
        G1Point memory key = Bls12381.add(Signer.publicKey(mine), Bls12381.negate(validators.aggregateKey()));
        bytes memory pubkey = Bls12381.compress(key);
        G2Point memory forged = Signer.prove(mine, validators.possessionBinding(address(this)));
        BeaconValidatorProof memory proof = madeUpProof(9, pubkey, activeRecord(32e9));
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.PossessionNotProven.selector, pubkey, address(this)));
        validators.enrol(pubkey, key, forged, payout(0), proof);
    }

    function test_a_set_that_is_too_small_signs_nothing() public {
        enrolAndJoin(2);
        enrol(2, 31e9);
        atEpoch(validators.currentEpoch() + DELAY);
        validators.advance(1);
        // Heads alone are not enough.
        G2Point memory three = signAll(ROOT, range(0, 3));
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.SetTooSmall.selector, 3, 3, 95e9, 96e9));
        validators.checkQuorum(ROOT, new uint64[](0), three);
    }

    function test_two_sign_nothing_however_much_they_weigh() public {
        enrol(0, 2_048e9);
        enrol(1, 2_048e9);
        atEpoch(validators.currentEpoch() + DELAY);
        validators.advance(2);
        G2Point memory both = signAll(ROOT, range(0, 2));
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.SetTooSmall.selector, 2, 3, 4_096e9, 96e9));
        validators.checkQuorum(ROOT, new uint64[](0), both);
    }

    function test_any_subset_verifies_if_it_weighs_enough(uint8 mask) public {
        enrolAndJoin(6);
        uint64[] memory signers = new uint64[](6);
        uint64[] memory absent = new uint64[](6);
        uint256 signed;
        for (uint64 i = 0; i < 6; ++i) {
            if ((mask >> i) & 1 == 1) signers[signed++] = i;
            else absent[i - signed] = i;
        }
        uint256 missing = 6 - signed;
        assembly ("memory-safe") {
            mstore(signers, signed)
            mstore(absent, missing)
        }
        if (signed == 0) return;
        G2Point memory signature = signAll(ROOT, signers);
        if (signed < 4) vm.expectRevert(abi.encodeWithSelector(ValidatorSet.QuorumTooSmall.selector, signed * 32e9, 192e9));
        validators.checkQuorum(ROOT, absent, signature);
    }

    // ---- Parameters

    function test_parameters_that_make_no_sense_are_refused() public {
        ValidatorSet.Config memory c = validatorConfig();
        c.delayEpochs = 0;
        refuses(c, "delayEpochs");
        c = validatorConfig();
        c.maxProofAge = 0;
        refuses(c, "maxProofAge");
        c = validatorConfig();
        c.minMembers = 0;
        refuses(c, "minMembers");
    }

    function refuses(ValidatorSet.Config memory c, string memory parameter) private {
        vm.expectRevert(abi.encodeWithSelector(ValidatorSet.InvalidConfig.selector, parameter, 0));
        new ValidatorSet(network(), c);
    }

    /// @dev That the running sum is the sum of the members in `mask`.
    function checkSum(uint256 mask) private view {
        G1Point memory sum;
        for (uint64 i = 0; i < 8; ++i) {
            if ((mask >> i) & 1 == 1) sum = Bls12381.add(sum, validators.getMember(i).key);
        }
        vm.assertEq(abi.encode(validators.aggregateKey()), abi.encode(sum));
    }
}
