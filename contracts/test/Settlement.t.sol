// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {BeaconClock} from "../src/BeaconClock.sol";
import {ProverRegistry} from "../src/ProverRegistry.sol";
import {Settlement} from "../src/Settlement.sol";
import {ValidatorSet} from "../src/ValidatorSet.sol";
import {BeaconValidatorProof} from "../src/lib/BeaconProof.sol";
import {G2Point} from "../src/lib/Bls12381.sol";
import {Deployment} from "./support/Deployment.sol";
import {Tree} from "./support/Tree.sol";
import {vm} from "./support/Vm.sol";

/// @title Posting, claiming and collecting.
contract SettlementTest is Deployment {
    uint128 private constant UNIT = 1e9;

    /// @dev Provers 0 to 2 staked, validators 0 to 3 joined, the first settlement's end reached.
    function prepare() private {
        for (uint256 i = 0; i < 3; ++i) {
            register(i);
        }
        enrolAndJoin(4);
        atEpoch(PERIOD);
    }

    function leaf(uint64 index, uint128 rewards, uint128 penalties) private pure returns (Settlement.Leaf memory) {
        return Settlement.Leaf(Settlement.Kind.Prover, index, rewards * UNIT, penalties * UNIT);
    }

    function validatorLeaf(uint64 index, uint128 rewards) private pure returns (Settlement.Leaf memory) {
        return Settlement.Leaf(Settlement.Kind.Validator, index, rewards * UNIT, 0);
    }

    function leaves(Settlement.Leaf memory a, Settlement.Leaf memory b, Settlement.Leaf memory c)
        private
        pure
        returns (Settlement.Leaf[] memory list)
    {
        list = new Settlement.Leaf[](3);
        (list[0], list[1], list[2]) = (a, b, c);
    }

    function statement(uint64 number, Settlement.Leaf[] memory list) private pure returns (Settlement.Statement memory s) {
        s.number = number;
        s.endEpoch = PERIOD * number;
        s.leavesRoot = Tree.root(list);
        for (uint256 i = 0; i < list.length; ++i) {
            s.totalRewards += list[i].rewards;
            s.totalPenalties += list[i].penalties;
        }
    }

    function post(Settlement.Statement memory s) private {
        G2Point memory signature = signAll(settlement.signingRoot(s), range(0, 4));
        settlement.post(s, new uint64[](0), signature);
    }

    function post(uint64 number, Settlement.Leaf[] memory list) private {
        atEpoch(PERIOD * number);
        post(statement(number, list));
    }

    function claim(uint64 number, Settlement.Leaf[] memory list, uint256 i) private {
        settlement.claim(number, list[i], Tree.proof(list, i));
    }

    function wei_(uint256 units) private pure returns (uint256) {
        return units * UNIT * WEI_PER_UNIT;
    }

    // ---- What Rust signs

    function test_what_three_of_four_real_validators_signed_is_posted_and_paid() public {
        for (uint256 i = 0; i < 3; ++i) {
            register(i);
        }
        uint64 timestamp = setBeaconRoot(beaconRoot("active_electra"));
        for (uint256 i = 0; i < 4; ++i) {
            Registration memory r = registration("validators", i);
            BeaconValidatorProof memory proof = beaconProof("active_electra", i, timestamp);
            vm.prank(r.owner);
            validators.enrol(r.pubkey, r.key, r.possession, payout(100 + i), proof);
        }
        atEpoch(PERIOD);
        Settlement.Statement memory s = Settlement.Statement({
            number: 1,
            endEpoch: PERIOD,
            leavesRoot: vm.parseJsonBytes32(signatures, ".settlement.leaves_root"),
            totalRewards: uint128(vm.parseJsonUint(signatures, ".settlement.total_rewards")),
            totalPenalties: uint128(vm.parseJsonUint(signatures, ".settlement.total_penalties")),
            ledgerRoot: vm.parseJsonBytes32(signatures, ".settlement.ledger_root")
        });
        vm.assertEq(settlement.signingRoot(s), vm.parseJsonBytes32(signatures, ".settlement.signing_root"));
        uint64[] memory absent = new uint64[](1);
        absent[0] = 300;
        // Posting carries out what is due in the validator set.
        vm.assertEq(validators.pendingChanges(), 4);
        vm.expectEmit(address(settlement));
        emit Settlement.Posted(1, PERIOD, s.leavesRoot, s.totalRewards, s.totalPenalties, s.ledgerRoot, 96e9);
        settlement.post(s, absent, g2(".settlement.without_third"));

        settlement.fund{value: 1 ether}();
        for (uint256 i = 0; i < 5; ++i) {
            string memory prefix = string.concat(".settlement.leaves[", vm.toString(i), "]");
            Settlement.Leaf memory l = Settlement.Leaf({
                kind: Settlement.Kind(vm.parseJsonUint(signatures, string.concat(prefix, ".kind"))),
                index: uint64(vm.parseJsonUint(signatures, string.concat(prefix, ".index"))),
                rewards: uint128(vm.parseJsonUint(signatures, string.concat(prefix, ".rewards"))),
                penalties: uint128(vm.parseJsonUint(signatures, string.concat(prefix, ".penalties")))
            });
            vm.assertEq(settlement.leafHash(l), vm.parseJsonBytes32(signatures, string.concat(prefix, ".hash")));
            settlement.claim(1, l, vm.parseJsonBytes32Array(signatures, string.concat(prefix, ".proof")));
            vm.assertEq(payout(i < 3 ? i : 97 + i).balance, l.rewards * WEI_PER_UNIT);
        }
        vm.assertEq(registry.getProver(2).stake, 2 ether - 1e9 * WEI_PER_UNIT);
    }

    // ---- Posting

    function test_settlements_come_in_order_at_the_end_of_their_periods() public {
        prepare();
        Settlement.Leaf[] memory list = leaves(leaf(0, 5, 0), leaf(1, 0, 1), validatorLeaf(0, 2));
        Settlement.Statement memory s = statement(1, list);
        s.number = 2;
        vm.expectRevert(abi.encodeWithSelector(Settlement.WrongNumber.selector, 1, 2));
        settlement.post(s, new uint64[](0), g2(".settlement.all"));
        s = statement(1, list);
        s.endEpoch = PERIOD - 1;
        refusesEnd(s, 0);
        s.endEpoch = 0;
        refusesEnd(s, 0);
        s.endEpoch = 2 * PERIOD;
        refusesEnd(s, 0);
        s.endEpoch = PERIOD;
        post(s);
        vm.assertEq(settlement.count(), 1);
        vm.assertEq(settlement.getSettlement(1).leavesRoot, s.leavesRoot);
        // The same again, and the same end again.
        G2Point memory signature = signAll(settlement.signingRoot(s), range(0, 4));
        vm.expectRevert(abi.encodeWithSelector(Settlement.WrongNumber.selector, 2, 1));
        settlement.post(s, new uint64[](0), signature);
        s.number = 2;
        refusesEnd(s, PERIOD);
        // A period that nobody settled may be left out.
        s.endEpoch = 3 * PERIOD;
        atEpoch(3 * PERIOD);
        post(s);
    }

    function refusesEnd(Settlement.Statement memory s, uint64 previous) private {
        vm.expectRevert(
            abi.encodeWithSelector(Settlement.WrongEndEpoch.selector, previous, s.endEpoch, validators.currentEpoch())
        );
        settlement.post(s, new uint64[](0), g2(".settlement.all"));
    }

    function test_totals_never_fall() public {
        prepare();
        post(1, leaves(leaf(0, 5, 2), leaf(1, 0, 1), validatorLeaf(0, 2)));
        atEpoch(2 * PERIOD);
        Settlement.Statement memory s = statement(2, leaves(leaf(0, 4, 2), leaf(1, 0, 1), validatorLeaf(0, 2)));
        vm.expectRevert(abi.encodeWithSelector(Settlement.TotalFell.selector, 7 * UNIT, 6 * UNIT));
        settlement.post(s, new uint64[](0), g2(".settlement.all"));
        s = statement(2, leaves(leaf(0, 5, 1), leaf(1, 0, 1), validatorLeaf(0, 2)));
        vm.expectRevert(abi.encodeWithSelector(Settlement.TotalFell.selector, 3 * UNIT, 2 * UNIT));
        settlement.post(s, new uint64[](0), g2(".settlement.all"));
    }

    function notSigned(Settlement.Statement memory s) private view returns (bytes memory) {
        return
            abi.encodeWithSelector(ValidatorSet.SignatureInvalid.selector, settlement.signingRoot(s), new uint64[](0));
    }

    function test_each_field_is_signed_and_so_are_chain_and_contract() public {
        prepare();
        Settlement.Statement memory s = statement(1, leaves(leaf(0, 5, 0), leaf(1, 0, 1), validatorLeaf(0, 2)));
        G2Point memory signature = signAll(settlement.signingRoot(s), range(0, 4));
        bytes32 honest = settlement.signingRoot(s);
        vm.chainId(1);
        vm.assertTrue(settlement.signingRoot(s) != honest);
        vm.expectRevert(notSigned(s));
        settlement.post(s, new uint64[](0), signature);
        vm.chainId(31337);
        for (uint256 field = 0; field < 4; ++field) {
            s = statement(1, leaves(leaf(0, 5, 0), leaf(1, 0, 1), validatorLeaf(0, 2)));
            if (field == 0) s.leavesRoot ^= bytes32(uint256(1));
            if (field == 1) ++s.totalRewards;
            if (field == 2) ++s.totalPenalties;
            if (field == 3) s.ledgerRoot ^= bytes32(uint256(1));
            vm.expectRevert(notSigned(s));
            settlement.post(s, new uint64[](0), signature);
        }
    }

    // ---- Claiming

    function test_claims_pay_the_difference_once() public {
        prepare();
        settlement.fund{value: 1 ether}();
        Settlement.Leaf[] memory list = leaves(leaf(0, 5, 0), leaf(1, 3, 0), validatorLeaf(0, 2));
        post(1, list);
        vm.expectEmit(address(settlement));
        emit Settlement.Claimed(Settlement.Kind.Prover, 0, 1, payout(0), wei_(5), 0);
        claim(1, list, 0);
        claim(1, list, 2);
        vm.assertEq(payout(0).balance, wei_(5));
        vm.assertEq(validatorOwner(0).balance, wei_(2));
        vm.expectRevert(abi.encodeWithSelector(Settlement.NothingDue.selector, Settlement.Kind.Prover, 0));
        claim(1, list, 0);
        Settlement.Leaf[] memory next = leaves(leaf(0, 9, 0), leaf(1, 3, 0), validatorLeaf(0, 2));
        post(2, next);
        claim(2, next, 0);
        vm.assertEq(payout(0).balance, wei_(9));
        // Claimed from the newer one: the older one has nothing more. Others may still use it.
        vm.expectRevert(abi.encodeWithSelector(Settlement.OlderSettlement.selector, 1, 2));
        claim(1, list, 0);
        claim(1, list, 1);
        vm.assertEq(settlement.paid(), wei_(14));
        vm.assertEq(settlement.getAccount(Settlement.Kind.Prover, 0).paid, wei_(9));
    }

    function test_leaves_that_are_not_under_the_root_are_refused() public {
        prepare();
        settlement.fund{value: 1 ether}();
        Settlement.Leaf[] memory list = leaves(leaf(0, 5, 0), leaf(1, 3, 0), validatorLeaf(0, 2));
        post(1, list);
        bytes32[] memory proof = Tree.proof(list, 0);
        Settlement.Leaf memory more = leaf(0, 6, 0);
        vm.expectRevert(abi.encodeWithSelector(Settlement.WrongProof.selector, 1, settlement.leafHash(more)));
        settlement.claim(1, more, proof);
        vm.expectRevert(abi.encodeWithSelector(Settlement.WrongProof.selector, 1, settlement.leafHash(more)));
        settlement.collect(1, more, proof);
        // The same index as validator.
        Settlement.Leaf memory kind = validatorLeaf(0, 5);
        vm.expectRevert(abi.encodeWithSelector(Settlement.WrongProof.selector, 1, settlement.leafHash(kind)));
        settlement.claim(1, kind, proof);
        for (uint64 unknown = 0; unknown < 3; unknown += 2) {
            vm.expectRevert(abi.encodeWithSelector(Settlement.UnknownSettlement.selector, unknown));
            settlement.claim(unknown, list[0], proof);
        }
    }

    function test_a_cumulative_amount_that_fell_is_named_and_takes_nothing_back() public {
        prepare();
        settlement.fund{value: 1 ether}();
        Settlement.Leaf[] memory list = leaves(leaf(0, 5, 2), leaf(1, 3, 0), validatorLeaf(0, 2));
        post(1, list);
        claim(1, list, 0);
        Settlement.Leaf[] memory fell = leaves(leaf(0, 4, 2), leaf(1, 30, 0), validatorLeaf(0, 2));
        post(2, fell);
        vm.expectRevert(
            abi.encodeWithSelector(Settlement.CumulativeFell.selector, Settlement.Kind.Prover, 0, 5 * UNIT, 4 * UNIT)
        );
        claim(2, fell, 0);
        fell = leaves(leaf(0, 5, 1), leaf(1, 30, 1), validatorLeaf(0, 2));
        post(3, fell);
        vm.expectRevert(
            abi.encodeWithSelector(Settlement.CumulativeFell.selector, Settlement.Kind.Prover, 0, 2 * UNIT, 1 * UNIT)
        );
        settlement.collect(3, fell[0], Tree.proof(fell, 0));
    }

    function test_a_pool_too_small_pays_in_order_of_posting_and_says_what_is_missing() public {
        prepare();
        Settlement.Leaf[] memory first = leaves(leaf(0, 5, 0), leaf(1, 3, 0), validatorLeaf(0, 2));
        Settlement.Leaf[] memory second = leaves(leaf(0, 6, 0), leaf(1, 3, 0), validatorLeaf(0, 2));
        post(1, first);
        post(2, second);
        settlement.fund{value: wei_(10) - 1}();
        vm.assertEq(settlement.missingFor(1), 1);
        vm.expectRevert(abi.encodeWithSelector(Settlement.PoolTooSmall.selector, 1, 1));
        claim(1, first, 2);
        settlement.fund{value: 1}();
        vm.assertEq(settlement.missingFor(1), 0);
        // The second settlement cannot take from what the first owes to others.
        vm.expectRevert(abi.encodeWithSelector(Settlement.PoolTooSmall.selector, 2, wei_(1)));
        claim(2, second, 0);
        claim(1, first, 0);
        claim(1, first, 1);
        claim(1, first, 2);
        vm.assertEq(address(settlement).balance, 0);
        (bool ok,) = address(settlement).call{value: wei_(1)}("");
        vm.assertTrue(ok);
        claim(2, second, 0);
        vm.assertEq(payout(0).balance, wei_(6));
        vm.assertEq(address(settlement).balance, 0);
    }

    function test_leaves_beyond_the_signed_total_are_not_paid() public {
        prepare();
        settlement.fund{value: 1 ether}();
        Settlement.Leaf[] memory list = leaves(leaf(0, 5, 4), leaf(1, 3, 3), validatorLeaf(0, 2));
        Settlement.Statement memory s = statement(1, list);
        s.totalRewards = 7 * UNIT;
        s.totalPenalties = 4 * UNIT;
        post(s);
        claim(1, list, 0);
        claim(1, list, 2);
        vm.expectRevert(abi.encodeWithSelector(Settlement.TotalExceeded.selector, 1, wei_(4), wei_(7)));
        claim(1, list, 1);
        vm.assertEq(registry.getProver(1).stake, 2 ether);
        list = leaves(leaf(0, 5, 4), leaf(1, 3, 0), validatorLeaf(0, 2));
        s = statement(2, list);
        s.totalRewards = 7 * UNIT;
        atEpoch(2 * PERIOD);
        post(s);
        vm.expectRevert(abi.encodeWithSelector(Settlement.TotalExceeded.selector, 2, wei_(7), wei_(10)));
        claim(2, list, 1);
    }

    // ---- Penalties

    function test_penalties_are_taken_from_the_stake_by_anyones_call() public {
        prepare();
        Settlement.Leaf[] memory list = leaves(leaf(0, 0, 5), leaf(1, 3, 1), validatorLeaf(0, 2));
        post(1, list);
        vm.expectEmit(address(settlement));
        emit Settlement.PenaltyCollected(0, 1, wei_(5), 0);
        settlement.collect(1, list[0], Tree.proof(list, 0));
        vm.assertEq(registry.getProver(0).stake, 2 ether - wei_(5));
        vm.assertEq(settlement.received(), wei_(5));
        vm.assertEq(settlement.taken(), wei_(5));
        vm.expectRevert(abi.encodeWithSelector(Settlement.NothingDue.selector, Settlement.Kind.Prover, 0));
        settlement.collect(1, list[0], Tree.proof(list, 0));
        vm.expectRevert(abi.encodeWithSelector(Settlement.NothingDue.selector, Settlement.Kind.Validator, 0));
        settlement.collect(1, list[2], Tree.proof(list, 2));
        // The difference under the next.
        list = leaves(leaf(0, 0, 6), leaf(1, 3, 1), validatorLeaf(0, 2));
        post(2, list);
        settlement.collect(2, list[0], Tree.proof(list, 0));
        vm.assertEq(registry.getProver(0).stake, 2 ether - wei_(6));
        // A claim without rewards collects as well.
        list = leaves(leaf(0, 0, 7), leaf(1, 3, 1), validatorLeaf(0, 2));
        post(3, list);
        claim(3, list, 0);
        vm.assertEq(registry.getProver(0).stake, 2 ether - wei_(7));
    }

    function test_nobody_claims_without_paying_penalties_first() public {
        prepare();
        settlement.fund{value: 1 ether}();
        Settlement.Leaf[] memory list = leaves(leaf(0, 8, 5), leaf(1, 3, 1), validatorLeaf(0, 2));
        post(1, list);
        claim(1, list, 0);
        vm.assertEq(payout(0).balance, wei_(8));
        vm.assertEq(registry.getProver(0).stake, 2 ether - wei_(5));
    }

    function test_what_the_stake_cannot_pay_is_set_off_or_owed() public {
        prepare();
        settlement.fund{value: 10 ether}();
        // 3 ether of penalties over a stake of 2 ether; rewards of 0.4 ether, later of 1.5 ether.
        uint128 ether_ = uint128(1 ether / (UNIT * WEI_PER_UNIT));
        Settlement.Leaf[] memory list = leaves(leaf(0, ether_ * 4 / 10, ether_ * 3), leaf(1, 0, 0), validatorLeaf(0, 0));
        post(1, list);
        vm.expectEmit(address(settlement));
        emit Settlement.Claimed(Settlement.Kind.Prover, 0, 1, payout(0), 0, 0.4 ether);
        claim(1, list, 0);
        vm.assertEq(registry.getProver(0).stake, 0);
        vm.assertEq(payout(0).balance, 0);
        // Set off: the pool may pay it to others.
        vm.assertEq(settlement.received(), 10 ether + 2 ether + 0.4 ether);
        vm.assertEq(address(settlement).balance, 12 ether);
        list = leaves(leaf(0, ether_ * 15 / 10, ether_ * 3), leaf(1, 0, 0), validatorLeaf(0, 0));
        post(2, list);
        claim(2, list, 0);
        vm.assertEq(payout(0).balance, 0.5 ether);
        vm.assertEq(settlement.taken(), 3 ether);
        vm.assertEq(settlement.getAccount(Settlement.Kind.Prover, 0).taken, 3 ether);
    }

    function test_collecting_under_an_uncovered_settlement_does_not_block_older_claims() public {
        prepare();
        Settlement.Leaf[] memory first = leaves(leaf(0, 5, 1), leaf(1, 3, 0), validatorLeaf(0, 2));
        Settlement.Leaf[] memory second = leaves(leaf(0, 60, 2), leaf(1, 3, 0), validatorLeaf(0, 2));
        post(1, first);
        post(2, second);
        settlement.fund{value: wei_(10)}();
        settlement.collect(2, second[0], Tree.proof(second, 0));
        claim(1, first, 0);
        vm.assertEq(payout(0).balance, wei_(5));
        vm.assertEq(registry.getProver(0).stake, 2 ether - wei_(2));
    }

    function test_a_claim_cannot_be_entered_twice() public {
        prepare();
        settlement.fund{value: 1 ether}();
        Settlement.Leaf[] memory list = leaves(leaf(0, 5, 0), leaf(1, 3, 0), validatorLeaf(0, 2));
        post(1, list);
        Thief thief = new Thief(settlement, list[1], Tree.proof(list, 1));
        vm.prank(registry.getProver(0).owner);
        registry.setWithdrawalAddress(0, address(thief));
        claim(1, list, 0);
        vm.assertTrue(thief.tried());
        vm.assertEq(address(thief).balance, wei_(5));
        vm.assertEq(payout(1).balance, 0);
    }

    // ---- Parameters

    function test_parameters_that_make_no_sense_are_refused() public {
        vm.expectRevert(abi.encodeWithSelector(Settlement.InvalidConfig.selector, "settlementEpochs", 0));
        new Settlement(Settlement.Config(0, WEI_PER_UNIT, registry, validators));
        vm.expectRevert(abi.encodeWithSelector(Settlement.InvalidConfig.selector, "weiPerUnit", 0));
        new Settlement(Settlement.Config(PERIOD, 0, registry, validators));
        vm.expectRevert(abi.encodeWithSelector(Settlement.ForeignRegistry.selector, address(settlement)));
        new Settlement(Settlement.Config(PERIOD, WEI_PER_UNIT, registry, validators));

        // Exits must wait for two periods.
        ProverRegistry.Config memory config = registryConfig();
        config.settlement = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        config.exitDelayEpochs = DELAY + 2 * PERIOD - 1;
        ProverRegistry hasty = new ProverRegistry(network(), config);
        vm.expectRevert(abi.encodeWithSelector(Settlement.InvalidConfig.selector, "settlementEpochs", PERIOD));
        new Settlement(Settlement.Config(PERIOD, WEI_PER_UNIT, hasty, validators));

        BeaconClock.Network memory other = network();
        other.genesisForkVersion = 0;
        config = registryConfig();
        config.settlement = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        ProverRegistry foreign = new ProverRegistry(other, config);
        vm.expectRevert(
            abi.encodeWithSelector(Settlement.NetworksDiffer.selector, foreign.FORK_DATA_ROOT(), validators.FORK_DATA_ROOT())
        );
        new Settlement(Settlement.Config(PERIOD, WEI_PER_UNIT, foreign, validators));
    }
}

/// @dev Tries to claim for someone else while it is being paid.
contract Thief {
    Settlement private immutable SETTLEMENT;
    Settlement.Leaf private leaf;
    bytes32[] private proof;
    bool public tried;

    constructor(Settlement settlement, Settlement.Leaf memory leaf_, bytes32[] memory proof_) {
        SETTLEMENT = settlement;
        leaf = leaf_;
        proof = proof_;
    }

    receive() external payable {
        tried = true;
        (bool ok,) = address(SETTLEMENT).call(abi.encodeCall(Settlement.claim, (1, leaf, proof)));
        assert(!ok);
    }
}
