// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {BeaconClock} from "../../src/BeaconClock.sol";
import {ProverRegistry} from "../../src/ProverRegistry.sol";
import {Settlement} from "../../src/Settlement.sol";
import {ValidatorSet} from "../../src/ValidatorSet.sol";
import {BeaconProof, BeaconValidator, BeaconValidatorProof} from "../../src/lib/BeaconProof.sol";
import {Bls12381, G1Point, G2Point} from "../../src/lib/Bls12381.sol";
import {Ssz} from "../../src/lib/Ssz.sol";
import {Fixtures} from "./Fixtures.sol";
import {Signer} from "./Signer.sol";
import {vm} from "./Vm.sol";

/// @title The three contracts at the addresses that the fixtures were made for, a clock, and EIP-4788.
abstract contract Deployment is Fixtures {
    uint64 internal constant GENESIS = 1_600_000_000;
    uint64 internal constant EPOCH = 32 * 12;
    uint64 internal constant START_EPOCH = 100;
    uint256 internal constant MIN_STAKE = 1 ether;
    uint64 internal constant DELAY = 5;
    uint64 internal constant EXIT_DELAY = 600;
    uint64 internal constant PERIOD = 225;
    uint256 internal constant WEI_PER_UNIT = 1000;
    address internal constant DEPLOYER = 0x5151515151515151515151515151515151515151;
    address internal constant SYSTEM = 0xffffFFFfFFffffffffffffffFfFFFfffFFFfFFfE;

    ProverRegistry internal registry;
    ValidatorSet internal validators;
    Settlement internal settlement;

    function setUp() public virtual {
        atEpoch(START_EPOCH);
        // The code of EIP-4788, as it is on chain.
        vm.etch(
            BeaconProof.BEACON_ROOTS,
            hex"3373fffffffffffffffffffffffffffffffffffffffe14604d57602036146024575f5ffd5b5f35801560495762001fff810690815414603c575f5ffd5b62001fff01545f5260205ff35b5f5ffd5b62001fff42064281555f359062001fff015500"
        );
        deploy();
    }

    function network() internal pure returns (BeaconClock.Network memory) {
        return BeaconClock.Network({
            genesisTime: GENESIS,
            secondsPerSlot: 12,
            slotsPerEpoch: 32,
            genesisForkVersion: 0x10000038,
            genesisValidatorsRoot: bytes32(uint256(0x5a) * (type(uint256).max / 255))
        });
    }

    function registryConfig() internal pure returns (ProverRegistry.Config memory) {
        return ProverRegistry.Config({
            minStake: MIN_STAKE,
            delayEpochs: DELAY,
            exitDelayEpochs: EXIT_DELAY,
            slashBps: 5000,
            reporterBps: 1000,
            settlement: vm.computeCreateAddress(DEPLOYER, 2)
        });
    }

    function validatorConfig() internal pure virtual returns (ValidatorSet.Config memory) {
        return ValidatorSet.Config({delayEpochs: DELAY, maxProofAge: 3600, minMembers: 3, minTotalWeight: 96e9});
    }

    function deploy() private {
        vm.startPrank(DEPLOYER);
        registry = new ProverRegistry(network(), registryConfig());
        validators = new ValidatorSet(network(), validatorConfig());
        settlement = new Settlement(Settlement.Config(PERIOD, WEI_PER_UNIT, registry, validators));
        vm.stopPrank();
    }

    // ---- Clock and beacon chain

    function atEpoch(uint64 epoch) internal {
        vm.warp(GENESIS + uint256(epoch) * EPOCH);
    }

    /// @dev Makes EIP-4788 answer `root` for the timestamp of this block.
    function setBeaconRoot(bytes32 root) internal returns (uint64 timestamp) {
        vm.prank(SYSTEM);
        (bool ok,) = BeaconProof.BEACON_ROOTS.call(abi.encode(root));
        assert(ok);
        return uint64(block.timestamp);
    }

    // ---- Provers

    function register(uint256 i) internal returns (uint64) {
        return register(i, 2 ether);
    }

    function register(uint256 i, uint256 stake) internal returns (uint64) {
        Registration memory r = registration("provers", i);
        vm.deal(r.owner, stake);
        vm.prank(r.owner);
        return registry.register{value: stake}(r.pubkey, r.key, r.possession, payout(i));
    }

    function payout(uint256 i) internal pure returns (address) {
        return address(uint160(0xbeef0000 + i));
    }

    // ---- Validators

    /// @dev A record of a made-up state in which it is the only thing that is not zero.
    function madeUpProof(uint64 index, bytes memory pubkey, BeaconValidator memory record)
        internal
        returns (BeaconValidatorProof memory proof)
    {
        proof.index = index;
        proof.validator = record;
        proof.branch = new bytes32[](50);
        uint256 path = uint256(index) | (11 << 41) | (3 << 47);
        proof.timestamp = setBeaconRoot(Ssz.fold(BeaconProof.recordRoot(record, pubkey), proof.branch, path));
    }

    function activeRecord(uint64 weight) internal pure returns (BeaconValidator memory record) {
        record.effectiveBalanceGwei = weight;
        record.exitEpoch = BeaconProof.FAR_FUTURE_EPOCH;
        record.withdrawableEpoch = BeaconProof.FAR_FUTURE_EPOCH;
    }

    function secretOf(uint64 index) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("validator", index))) >> 2;
    }

    function pubkeyOf(uint64 index) internal view returns (bytes memory) {
        return Bls12381.compress(Signer.publicKey(secretOf(index)));
    }

    function validatorOwner(uint64 index) internal pure returns (address) {
        return address(uint160(0xa11ce0000 + index));
    }

    function enrol(uint64 index, uint64 weight) internal {
        G1Point memory key = Signer.publicKey(secretOf(index));
        address owner = validatorOwner(index);
        G2Point memory possession = Signer.prove(secretOf(index), validators.possessionBinding(owner));
        bytes memory pubkey = Bls12381.compress(key);
        BeaconValidatorProof memory proof = madeUpProof(index, pubkey, activeRecord(weight));
        vm.prank(owner);
        validators.enrol(pubkey, key, possession, owner, proof);
    }

    /// @dev Enrols validators 0 to `n` − 1 with 32 ether each and lets the delay pass.
    function enrolAndJoin(uint64 n) internal {
        for (uint64 i = 0; i < n; ++i) {
            enrol(i, 32e9);
        }
        atEpoch(validators.currentEpoch() + DELAY);
        validators.advance(type(uint256).max);
    }

    function signAll(bytes32 root, uint64[] memory signers) internal view returns (G2Point memory signature) {
        signature = Signer.sign(secretOf(signers[0]), root);
        for (uint256 i = 1; i < signers.length; ++i) {
            signature = Signer.sum(signature, Signer.sign(secretOf(signers[i]), root));
        }
    }

    function range(uint64 from, uint64 to) internal pure returns (uint64[] memory list) {
        list = new uint64[](to - from);
        for (uint64 i = from; i < to; ++i) {
            list[i - from] = i;
        }
    }
}
