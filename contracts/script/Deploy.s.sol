// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {BeaconClock} from "../src/BeaconClock.sol";
import {ProverRegistry} from "../src/ProverRegistry.sol";
import {Settlement} from "../src/Settlement.sol";
import {ValidatorSet} from "../src/ValidatorSet.sol";
import {vm} from "../test/support/Vm.sol";

/// @title Deploys the three contracts, with parameters from the environment and the values of a development network as defaults.
/// @dev Registry and settlement know each other: the registry gets the address that the settlement contract will have, and the settlement contract refuses a
/// registry that was made for another. Writes the addresses to `DEPLOYMENT_FILE`.
contract Deploy {
    // forge looks for this on scripts.
    bool public constant IS_SCRIPT = true;

    function run() external {
        BeaconClock.Network memory network = BeaconClock.Network({
            genesisTime: uint64(vm.envOr("GENESIS_TIME", block.timestamp - 1)),
            secondsPerSlot: uint64(vm.envOr("SECONDS_PER_SLOT", uint256(2))),
            slotsPerEpoch: uint64(vm.envOr("SLOTS_PER_EPOCH", uint256(8))),
            genesisForkVersion: bytes4(uint32(vm.envOr("GENESIS_FORK_VERSION", uint256(0x10000000)))),
            genesisValidatorsRoot: vm.envOr("GENESIS_VALIDATORS_ROOT", bytes32(0))
        });
        uint64 delay = uint64(vm.envOr("REGISTRY_DELAY_EPOCHS", uint256(5)));
        uint64 period = uint64(vm.envOr("SETTLEMENT_EPOCHS", uint256(4)));

        vm.startBroadcast();
        // Within a script the sender of the broadcast is `msg.sender`.
        uint64 nonce = vm.getNonce(msg.sender);
        ProverRegistry registry = new ProverRegistry(
            network,
            ProverRegistry.Config({
                minStake: vm.envOr("MIN_PROVER_STAKE_GWEI", uint256(1e9)) * 1 gwei,
                delayEpochs: delay,
                exitDelayEpochs: uint64(vm.envOr("EXIT_DELAY_EPOCHS", uint256(delay + 2 * period))),
                slashBps: uint16(vm.envOr("SLASH_BPS", uint256(5000))),
                reporterBps: uint16(vm.envOr("REPORTER_BPS", uint256(1000))),
                settlement: vm.computeCreateAddress(msg.sender, nonce + 2)
            })
        );
        ValidatorSet validators = new ValidatorSet(
            network,
            ValidatorSet.Config({
                delayEpochs: delay,
                maxProofAge: uint64(vm.envOr("MAX_PROOF_AGE", uint256(3600))),
                minMembers: uint64(vm.envOr("MIN_MEMBERS", uint256(3))),
                minTotalWeight: uint64(vm.envOr("MIN_TOTAL_WEIGHT_GWEI", uint256(96e9)))
            })
        );
        Settlement settlement = new Settlement(
            Settlement.Config(period, vm.envOr("WEI_PER_UNIT", uint256(1000)), registry, validators)
        );
        vm.stopBroadcast();

        vm.serializeUint("deployment", "chain_id", block.chainid);
        vm.serializeUint("deployment", "deployed_at_block", block.number);
        vm.serializeAddress("deployment", "prover_registry", address(registry));
        vm.serializeAddress("deployment", "validator_set", address(validators));
        string memory json = vm.serializeAddress("deployment", "settlement", address(settlement));
        vm.writeJson(json, vm.envOr("DEPLOYMENT_FILE", string("out/deployment.json")));
    }
}
