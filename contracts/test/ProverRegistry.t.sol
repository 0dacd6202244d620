// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {BeaconClock} from "../src/BeaconClock.sol";
import {ProverRegistry} from "../src/ProverRegistry.sol";
import {Payments} from "../src/lib/Payments.sol";
import {G2Point} from "../src/lib/Bls12381.sol";
import {Signing, SubmissionHeader} from "../src/lib/Signing.sol";
import {Deployment} from "./support/Deployment.sol";
import {Signer} from "./support/Signer.sol";
import {vm} from "./support/Vm.sol";

/// @title Registration, exits, pauses and slashing.
contract ProverRegistryTest is Deployment {
    address private constant REPORTER = address(0x4e);

    function owner(uint256 i) private view returns (address) {
        return registration("provers", i).owner;
    }

    // ---- Registration

    function test_registration_with_the_daemons_proof_of_possession() public {
        Registration memory r = registration("provers", 0);
        vm.assertEq(registry.possessionBinding(r.owner), r.binding);
        vm.deal(r.owner, 3 ether);
        vm.expectEmit(address(registry));
        emit ProverRegistry.Registered(0, r.owner, r.pubkey, payout(0), 3 ether, START_EPOCH + DELAY);
        vm.prank(r.owner);
        uint64 index = registry.register{value: 3 ether}(r.pubkey, r.key, r.possession, payout(0));
        vm.assertEq(index, 0);
        vm.assertEq(registry.proverIndex(r.pubkey), 0);
        vm.assertEq(registry.payoutAddress(0), payout(0));
        ProverRegistry.Prover memory prover = registry.getProver(0);
        vm.assertEq(prover.stake, 3 ether);
        vm.assertEq(prover.owner, r.owner);
        vm.assertEq(abi.encode(prover.key), abi.encode(r.key));
        vm.assertFalse(registry.isActive(0, START_EPOCH + DELAY - 1));
        vm.assertTrue(registry.isActive(0, START_EPOCH + DELAY));
        vm.assertEq(register(1), 1);
        vm.assertEq(registry.proverCount(), 2);
    }

    function test_a_proof_of_possession_is_of_no_use_to_anyone_else() public {
        Registration memory r = registration("provers", 0);
        vm.deal(REPORTER, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.PossessionNotProven.selector, r.pubkey, REPORTER));
        vm.prank(REPORTER);
        registry.register{value: 1 ether}(r.pubkey, r.key, r.possession, REPORTER);
    }

    function test_a_proof_of_possession_holds_on_its_chain_and_contract_only() public {
        Registration memory r = registration("provers", 0);
        vm.deal(r.owner, 2 ether);
        vm.chainId(1);
        vm.expectPartialRevert(ProverRegistry.PossessionNotProven.selector);
        vm.prank(r.owner);
        registry.register{value: 1 ether}(r.pubkey, r.key, r.possession, payout(0));
        vm.chainId(31337);
        ProverRegistry twin = new ProverRegistry(network(), registryConfig());
        vm.expectPartialRevert(ProverRegistry.PossessionNotProven.selector);
        vm.prank(r.owner);
        twin.register{value: 1 ether}(r.pubkey, r.key, r.possession, payout(0));
    }

    function test_a_key_and_its_point_must_agree() public {
        Registration memory r = registration("provers", 0);
        Registration memory other = registration("provers", 1);
        vm.deal(r.owner, 9 ether);
        vm.startPrank(r.owner);
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.KeyMismatch.selector, r.pubkey, other.pubkey));
        registry.register{value: 1 ether}(r.pubkey, other.key, r.possession, payout(0));
        bytes memory flipped = bytes.concat(r.pubkey);
        flipped[0] ^= 0x20;
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.KeyMismatch.selector, flipped, r.pubkey));
        registry.register{value: 1 ether}(flipped, r.key, r.possession, payout(0));
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.KeyLength.selector, 49));
        registry.register{value: 1 ether}(bytes.concat(r.pubkey, hex"00"), r.key, r.possession, payout(0));
        vm.stopPrank();
    }

    function test_registration_needs_stake_an_address_and_a_new_key() public {
        Registration memory r = registration("provers", 0);
        vm.deal(r.owner, 9 ether);
        vm.startPrank(r.owner);
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.StakeTooSmall.selector, MIN_STAKE - 1, MIN_STAKE));
        registry.register{value: MIN_STAKE - 1}(r.pubkey, r.key, r.possession, payout(0));
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.ZeroAddress.selector, "withdrawalAddress"));
        registry.register{value: MIN_STAKE}(r.pubkey, r.key, r.possession, address(0));
        registry.register{value: MIN_STAKE}(r.pubkey, r.key, r.possession, payout(0));
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.KeyTaken.selector, 0));
        registry.register{value: MIN_STAKE}(r.pubkey, r.key, r.possession, payout(0));
        vm.stopPrank();
    }

    function test_a_key_is_never_registered_twice_even_after_withdrawal() public {
        register(0);
        leaveAndWithdraw(0);
        Registration memory r = registration("provers", 0);
        vm.deal(r.owner, MIN_STAKE);
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.KeyTaken.selector, 0));
        vm.prank(r.owner);
        registry.register{value: MIN_STAKE}(r.pubkey, r.key, r.possession, payout(0));
    }

    // ---- Stake

    function test_anyone_tops_up_and_activity_returns_after_the_delay() public {
        register(0, MIN_STAKE);
        vm.prank(address(settlement));
        registry.takePenalty(0, 0.4 ether);
        atEpoch(200);
        vm.assertFalse(registry.isActive(0, 300));
        vm.deal(REPORTER, 1 ether);
        vm.startPrank(REPORTER);
        registry.topUp{value: 0.1 ether}(0);
        vm.assertFalse(registry.isActive(0, 300));
        vm.expectEmit(address(registry));
        emit ProverRegistry.ToppedUp(0, REPORTER, 0.3 ether, 1 ether, 200 + DELAY);
        registry.topUp{value: 0.3 ether}(0);
        vm.assertFalse(registry.isActive(0, 200 + DELAY - 1));
        vm.assertTrue(registry.isActive(0, 200 + DELAY));
        // Enough stake all along: nothing is delayed.
        atEpoch(250);
        registry.topUp{value: 0.1 ether}(0);
        vm.assertTrue(registry.isActive(0, 250));
        vm.stopPrank();
    }

    function test_penalties_are_the_settlements_alone_and_end_with_the_stake() public {
        register(0, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.NotSettlement.selector, address(this)));
        registry.takePenalty(0, 1);
        vm.expectEmit(address(registry));
        emit ProverRegistry.PenaltyTaken(0, 1 ether, 0);
        vm.startPrank(address(settlement));
        vm.assertEq(registry.takePenalty(0, 3 ether), 1 ether);
        vm.assertEq(registry.takePenalty(0, 3 ether), 0);
        vm.stopPrank();
        vm.assertEq(address(settlement).balance, 1 ether);
        vm.assertEq(settlement.received(), 1 ether);
    }

    // ---- Exit

    function test_exit_takes_effect_after_the_delay_and_pays_after_the_longer_one() public {
        register(0);
        vm.prank(owner(0));
        vm.expectEmit(address(registry));
        emit ProverRegistry.ExitScheduled(0, START_EPOCH + DELAY, START_EPOCH + EXIT_DELAY);
        registry.requestExit(0);
        vm.assertFalse(registry.isActive(0, START_EPOCH + DELAY));
        atEpoch(START_EPOCH + EXIT_DELAY - 1);
        vm.startPrank(owner(0));
        vm.expectRevert(
            abi.encodeWithSelector(
                ProverRegistry.NotWithdrawable.selector, 0, START_EPOCH + EXIT_DELAY, START_EPOCH + EXIT_DELAY - 1
            )
        );
        registry.withdraw(0);
        atEpoch(START_EPOCH + EXIT_DELAY);
        vm.expectEmit(address(registry));
        emit ProverRegistry.Withdrawn(0, payout(0), 2 ether);
        registry.withdraw(0);
        vm.assertEq(payout(0).balance, 2 ether);
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.AlreadyWithdrawn.selector, 0));
        registry.withdraw(0);
        vm.stopPrank();
        vm.assertEq(address(registry).balance, 0);
    }

    function test_nobody_withdraws_without_an_exit() public {
        register(0);
        atEpoch(1_000_000);
        vm.expectRevert(
            abi.encodeWithSelector(ProverRegistry.NotWithdrawable.selector, 0, type(uint64).max, 1_000_000)
        );
        vm.prank(owner(0));
        registry.withdraw(0);
    }

    function test_who_exits_cannot_pause_top_up_or_exit_again() public {
        register(0);
        vm.deal(owner(0), 1 ether);
        vm.startPrank(owner(0));
        registry.requestExit(0);
        bytes memory exiting = abi.encodeWithSelector(ProverRegistry.Exiting.selector, 0, START_EPOCH + DELAY);
        vm.expectRevert(exiting);
        registry.requestExit(0);
        vm.expectRevert(exiting);
        registry.pause(0);
        vm.expectRevert(exiting);
        registry.topUp{value: 1}(0);
        vm.stopPrank();
    }

    function test_only_the_owner_acts() public {
        register(0);
        bytes memory refused = abi.encodeWithSelector(ProverRegistry.NotOwner.selector, 0, owner(0), REPORTER);
        vm.startPrank(REPORTER);
        vm.expectRevert(refused);
        registry.requestExit(0);
        vm.expectRevert(refused);
        registry.withdraw(0);
        vm.expectRevert(refused);
        registry.pause(0);
        vm.expectRevert(refused);
        registry.resume(0);
        vm.expectRevert(refused);
        registry.setWithdrawalAddress(0, REPORTER);
        vm.stopPrank();
    }

    function test_the_withdrawal_address_changes() public {
        register(0);
        vm.startPrank(owner(0));
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.ZeroAddress.selector, "to"));
        registry.setWithdrawalAddress(0, address(0));
        vm.expectEmit(address(registry));
        emit ProverRegistry.WithdrawalAddressChanged(0, payout(0), payout(7));
        registry.setWithdrawalAddress(0, payout(7));
        vm.stopPrank();
        leaveAndWithdraw(0);
        vm.assertEq(payout(7).balance, 2 ether);
        vm.assertEq(payout(0).balance, 0);
    }

    function test_unknown_provers_and_keys_are_named() public {
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.UnknownProver.selector, 3));
        registry.getProver(3);
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.UnknownKey.selector, hex"01"));
        registry.proverIndex(hex"01");
    }

    function test_a_withdrawal_address_that_takes_nothing_keeps_the_stake() public {
        register(0);
        vm.startPrank(owner(0));
        registry.setWithdrawalAddress(0, address(this));
        registry.requestExit(0);
        atEpoch(START_EPOCH + EXIT_DELAY);
        vm.expectRevert(abi.encodeWithSelector(Payments.PaymentRefused.selector, address(this), 2 ether));
        registry.withdraw(0);
        registry.setWithdrawalAddress(0, payout(0));
        registry.withdraw(0);
        vm.stopPrank();
        vm.assertEq(payout(0).balance, 2 ether);
    }

    function test_withdrawal_cannot_be_entered_twice() public {
        register(0);
        register(1);
        Reentrant thief = new Reentrant(registry);
        vm.startPrank(owner(0));
        registry.setWithdrawalAddress(0, address(thief));
        registry.requestExit(0);
        atEpoch(START_EPOCH + EXIT_DELAY);
        registry.withdraw(0);
        vm.stopPrank();
        vm.assertTrue(thief.tried());
        vm.assertEq(address(thief).balance, 2 ether);
        vm.assertEq(address(registry).balance, 2 ether);
    }

    // ---- Pause

    function test_pause_and_resume_take_effect_after_the_delay() public {
        register(0);
        vm.startPrank(owner(0));
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.NotPaused.selector, 0));
        registry.resume(0);
        atEpoch(200);
        vm.expectEmit(address(registry));
        emit ProverRegistry.Paused(0, 200 + DELAY);
        registry.pause(0);
        vm.assertTrue(registry.isActive(0, 200 + DELAY - 1));
        vm.assertFalse(registry.isActive(0, 200 + DELAY));
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.PauseNotOver.selector, 0, type(uint64).max));
        registry.pause(0);
        atEpoch(210);
        vm.expectEmit(address(registry));
        emit ProverRegistry.Resumed(0, 210 + DELAY);
        registry.resume(0);
        vm.assertFalse(registry.isActive(0, 210 + DELAY - 1));
        vm.assertTrue(registry.isActive(0, 210 + DELAY));
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.NotPaused.selector, 0));
        registry.resume(0);
        // The pause of which this contract still knows must be over.
        atEpoch(210 + DELAY - 1);
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.PauseNotOver.selector, 0, 210 + DELAY));
        registry.pause(0);
        atEpoch(210 + DELAY);
        registry.pause(0);
        vm.stopPrank();
    }

    // ---- Slashing

    struct Evidence {
        SubmissionHeader a;
        SubmissionHeader b;
        G2Point sigA;
        G2Point sigB;
    }

    function evidence(uint256 i) private view returns (Evidence memory e) {
        string memory prefix = string.concat(".equivocations[", vm.toString(i), "]");
        e.a.jobRoot = vm.parseJsonBytes32(signatures, string.concat(prefix, ".job_root"));
        e.a.phase = uint8(vm.parseJsonUint(signatures, string.concat(prefix, ".phase")));
        e.a.prover = registration("provers", 0).pubkey;
        e.a.bodyRoot = vm.parseJsonBytes32(signatures, string.concat(prefix, ".a.body_root"));
        e.b = SubmissionHeader(
            e.a.jobRoot, e.a.phase, e.a.prover, vm.parseJsonBytes32(signatures, string.concat(prefix, ".b.body_root"))
        );
        e.sigA = g2(string.concat(prefix, ".a.signature"));
        e.sigB = g2(string.concat(prefix, ".b.signature"));
    }

    function slash(Evidence memory e) private {
        vm.prank(REPORTER);
        registry.slashEquivocation(e.a, e.sigA, e.b, e.sigB);
    }

    function test_what_the_daemon_signed_twice_is_slashed_and_divided() public {
        register(0, 4 ether);
        Evidence memory e = evidence(0);
        uint256 zero = address(0).balance;
        vm.expectEmit(address(registry));
        emit ProverRegistry.Slashed(0, e.a.jobRoot, 1, REPORTER, 1 ether, 0.2 ether, 0.8 ether, 2 ether);
        slash(e);
        vm.assertEq(address(0).balance - zero, 1 ether);
        vm.assertEq(REPORTER.balance, 0.2 ether);
        vm.assertEq(settlement.received(), 0.8 ether);
        vm.assertEq(address(registry).balance, 2 ether);
        vm.assertFalse(registry.isActive(0, START_EPOCH + DELAY));
        vm.assertEq(registry.getProver(0).withdrawableEpoch, START_EPOCH + EXIT_DELAY);
        // Once an offence, in whichever order; another phase is another offence.
        bytes memory again = abi.encodeWithSelector(ProverRegistry.AlreadySlashed.selector, 0, e.a.jobRoot, 1);
        vm.expectRevert(again);
        slash(e);
        vm.expectRevert(again);
        slash(Evidence(e.b, e.a, e.sigB, e.sigA));
        slash(evidence(1));
        vm.assertEq(registry.getProver(0).stake, 1 ether);
    }

    function test_no_dust_is_lost_in_a_slash(uint96 stake) public {
        stake = uint96(MIN_STAKE + stake % 1e27);
        register(0, stake);
        uint256 zero = address(0).balance;
        slash(evidence(0));
        uint256 out = (address(0).balance - zero) + REPORTER.balance + settlement.received();
        vm.assertEq(out + registry.getProver(0).stake, stake);
        vm.assertEq(address(registry).balance, registry.getProver(0).stake);
        vm.assertEq(out, uint256(stake) / 2);
    }

    function test_later_phases_are_not_slashable() public {
        register(0);
        Evidence memory e = evidence(2);
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.PhaseNotSlashable.selector, 3));
        slash(e);
        e.a.phase = e.b.phase = 0;
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.PhaseNotSlashable.selector, 0));
        slash(e);
    }

    function test_headers_must_conflict() public {
        register(0);
        register(1);
        Evidence memory e = evidence(0);
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.SameBody.selector, e.a.bodyRoot));
        slash(Evidence(e.a, e.a, e.sigA, e.sigA));
        e.b.jobRoot ^= bytes32(uint256(1));
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.HeadersUnrelated.selector, e.a, e.b));
        slash(e);
        e = evidence(0);
        e.b.phase = 2;
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.HeadersUnrelated.selector, e.a, e.b));
        slash(e);
        e = evidence(0);
        e.b.prover = registration("provers", 1).pubkey;
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.HeadersUnrelated.selector, e.a, e.b));
        slash(e);
    }

    function notSigned(uint256 which, uint64 index, SubmissionHeader memory header, ProverRegistry of_)
        private
        view
        returns (bytes memory)
    {
        bytes4 domain = header.phase == 1 ? Signing.DOMAIN_COMMITMENTS : Signing.DOMAIN_PARTIAL_PROOFS;
        bytes32 root = Signing.signingRoot(Signing.headerRoot(header), Signing.domain(domain, of_.FORK_DATA_ROOT()));
        return abi.encodeWithSelector(ProverRegistry.SignatureInvalid.selector, which, index, root);
    }

    function test_each_signature_must_be_the_provers_for_that_header() public {
        register(0);
        register(1);
        Evidence memory e = evidence(0);
        vm.expectRevert(notSigned(0, 0, e.a, registry));
        slash(Evidence(e.a, e.b, e.sigB, e.sigB));
        vm.expectRevert(notSigned(1, 0, e.b, registry));
        slash(Evidence(e.a, e.b, e.sigA, e.sigA));
        // Signed for T1, shown as T2.
        e.a.phase = e.b.phase = 2;
        vm.expectRevert(notSigned(0, 0, e.a, registry));
        slash(e);
        // Someone else's signatures do not hurt this prover.
        e = evidence(0);
        e.a.prover = e.b.prover = registration("provers", 1).pubkey;
        vm.expectRevert(notSigned(0, 1, e.a, registry));
        slash(e);
    }

    function test_signatures_of_another_network_do_not_slash() public {
        BeaconClock.Network memory other = network();
        other.genesisValidatorsRoot = bytes32(uint256(1));
        ProverRegistry twin = new ProverRegistry(other, registryConfig());
        Registration memory r = registration("provers", 0);
        vm.deal(r.owner, 1 ether);
        G2Point memory possession = Signer.prove(r.secret, twin.possessionBinding(r.owner));
        vm.prank(r.owner);
        twin.register{value: 1 ether}(r.pubkey, r.key, possession, payout(0));
        Evidence memory e = evidence(0);
        vm.expectRevert(notSigned(0, 0, e.a, twin));
        twin.slashEquivocation(e.a, e.sigA, e.b, e.sigB);
    }

    function test_an_exit_does_not_outrun_a_slash() public {
        register(0);
        vm.prank(owner(0));
        registry.requestExit(0);
        // Long after it could have withdrawn, but has not.
        atEpoch(START_EPOCH + EXIT_DELAY + 50);
        slash(evidence(0));
        vm.assertEq(registry.getProver(0).stake, 1 ether);
        // The exit stays where it was; what is left is locked anew.
        vm.assertEq(registry.getProver(0).exitEpoch, START_EPOCH + DELAY);
        vm.assertEq(registry.getProver(0).withdrawableEpoch, START_EPOCH + EXIT_DELAY + 50 + EXIT_DELAY);
        vm.expectPartialRevert(ProverRegistry.NotWithdrawable.selector);
        vm.prank(owner(0));
        registry.withdraw(0);
    }

    function test_after_withdrawal_there_is_nothing_to_slash() public {
        register(0);
        leaveAndWithdraw(0);
        Evidence memory e = evidence(0);
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.AlreadyWithdrawn.selector, 0));
        slash(e);
    }

    function test_an_unregistered_key_is_named() public {
        Evidence memory e = evidence(0);
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.UnknownKey.selector, e.a.prover));
        slash(e);
    }

    // ---- Parameters

    function test_parameters_that_make_no_sense_are_refused() public {
        ProverRegistry.Config memory c = registryConfig();
        c.minStake = 0;
        refuses(c, "minStake", 0);
        c = registryConfig();
        c.delayEpochs = 4;
        refuses(c, "delayEpochs", 4);
        c = registryConfig();
        c.exitDelayEpochs = DELAY;
        refuses(c, "exitDelayEpochs", DELAY);
        c = registryConfig();
        c.slashBps = 10_001;
        refuses(c, "slashBps", 10_001);
        c.slashBps = 0;
        refuses(c, "slashBps", 0);
        c = registryConfig();
        c.reporterBps = 5001;
        refuses(c, "reporterBps", 5001);
        c = registryConfig();
        c.settlement = address(0);
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.ZeroAddress.selector, "settlement"));
        new ProverRegistry(network(), c);
        BeaconClock.Network memory n = network();
        n.slotsPerEpoch = 0;
        vm.expectRevert(abi.encodeWithSelector(BeaconClock.InvalidClock.selector, 12, 0));
        new ProverRegistry(n, registryConfig());
        vm.warp(GENESIS - 1);
        vm.expectRevert(abi.encodeWithSelector(BeaconClock.BeforeGenesis.selector, GENESIS - 1, GENESIS));
        registry.currentEpoch();
    }

    function refuses(ProverRegistry.Config memory c, string memory parameter, uint256 value) private {
        vm.expectRevert(abi.encodeWithSelector(ProverRegistry.InvalidConfig.selector, parameter, value));
        new ProverRegistry(network(), c);
    }

    function leaveAndWithdraw(uint64 index) private {
        vm.startPrank(registry.getProver(index).owner);
        registry.requestExit(index);
        atEpoch(registry.currentEpoch() + EXIT_DELAY);
        registry.withdraw(index);
        vm.stopPrank();
    }
}

/// @dev Tries to withdraw again while it is being paid.
contract Reentrant {
    ProverRegistry private immutable REGISTRY;
    bool public tried;

    constructor(ProverRegistry registry) {
        REGISTRY = registry;
    }

    receive() external payable {
        tried = true;
        (bool ok,) = address(REGISTRY).call(abi.encodeCall(ProverRegistry.withdraw, (0)));
        assert(!ok);
    }
}
