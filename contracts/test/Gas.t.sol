// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Settlement} from "../src/Settlement.sol";
import {BeaconValidatorProof} from "../src/lib/BeaconProof.sol";
import {G2Point} from "../src/lib/Bls12381.sol";
import {SubmissionHeader} from "../src/lib/Signing.sol";
import {Deployment} from "./support/Deployment.sol";
import {Tree} from "./support/Tree.sol";
import {vm} from "./support/Vm.sol";

/// @title What calls cost: `snapshots/` holds the numbers, and a change of them fails until it is written down (`test-contracts.sh --bless`).
contract GasTest is Deployment {
    /// forge-config: default.isolate = true
    function test_gas_of_the_registry() public {
        register(0);
        vm.snapshotGasLastCall("ProverRegistry", "register");
        vm.deal(address(this), 1 ether);
        registry.topUp{value: 1 ether}(0);
        vm.snapshotGasLastCall("ProverRegistry", "topUp");
        address owner = registry.getProver(0).owner;
        vm.prank(owner);
        registry.pause(0);
        vm.snapshotGasLastCall("ProverRegistry", "pause");
        SubmissionHeader memory a = SubmissionHeader({
            jobRoot: vm.parseJsonBytes32(signatures, ".equivocations[0].job_root"),
            phase: 1,
            prover: registration("provers", 0).pubkey,
            bodyRoot: vm.parseJsonBytes32(signatures, ".equivocations[0].a.body_root")
        });
        SubmissionHeader memory b = SubmissionHeader(
            a.jobRoot, 1, a.prover, vm.parseJsonBytes32(signatures, ".equivocations[0].b.body_root")
        );
        G2Point memory sigA = g2(".equivocations[0].a.signature");
        G2Point memory sigB = g2(".equivocations[0].b.signature");
        vm.prank(address(0x4e));
        registry.slashEquivocation(a, sigA, b, sigB);
        vm.snapshotGasLastCall("ProverRegistry", "slashEquivocation");
        atEpoch(START_EPOCH + EXIT_DELAY);
        vm.prank(owner);
        registry.withdraw(0);
        vm.snapshotGasLastCall("ProverRegistry", "withdraw");
    }

    /// forge-config: default.isolate = true
    function test_gas_of_the_validator_set() public {
        BeaconValidatorProof memory proof = beaconProof("active_fulu", 2, setBeaconRoot(beaconRoot("active_fulu")));
        Registration memory r = registration("validators", 2);
        vm.prank(r.owner);
        validators.enrol(r.pubkey, r.key, r.possession, payout(0), proof);
        vm.snapshotGasLastCall("ValidatorSet", "enrol");
        atEpoch(START_EPOCH + DELAY);
        validators.advance(1);
        vm.snapshotGasLastCall("ValidatorSet", "advance by one");
        vm.warp(block.timestamp + 12);
        validators.refresh(beaconProof("later", 2, setBeaconRoot(beaconRoot("later"))));
        vm.snapshotGasLastCall("ValidatorSet", "refresh");
    }

    /// forge-config: default.isolate = true
    function test_gas_of_the_settlement() public {
        register(0);
        enrolAndJoin(12);
        atEpoch(PERIOD);
        settlement.fund{value: 1 ether}();
        vm.snapshotGasLastCall("Settlement", "fund");
        Settlement.Leaf[] memory leaves = new Settlement.Leaf[](1024);
        Settlement.Statement memory s;
        for (uint64 i = 0; i < leaves.length; ++i) {
            leaves[i] = Settlement.Leaf(Settlement.Kind.Prover, i, 5e9, 1e9);
            s.totalRewards += 5e9;
            s.totalPenalties += 1e9;
        }
        (s.number, s.endEpoch, s.leavesRoot) = (1, PERIOD, Tree.root(leaves));
        settlement.post(s, range(8, 12), signAll(settlement.signingRoot(s), range(0, 8)));
        vm.snapshotGasLastCall("Settlement", "post, 4 of 12 absent");
        settlement.claim(1, leaves[0], Tree.proof(leaves, 0));
        vm.snapshotGasLastCall("Settlement", "claim and penalty, 1024 leaves");
    }
}
