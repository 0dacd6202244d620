// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {BeaconValidator, BeaconValidatorProof} from "../../src/lib/BeaconProof.sol";
import {G1Point, G2Point} from "../../src/lib/Bls12381.sol";
import {vm} from "./Vm.sol";

/// @title Reads what the Rust code and a consensus client's SSZ code have written down.
abstract contract Fixtures {
    struct Registration {
        uint256 secret;
        address owner;
        bytes pubkey;
        G1Point key;
        bytes32 binding;
        G2Point possession;
    }

    string internal signatures = vm.readFile("fixtures/signatures.json");
    string internal beacon = vm.readFile("fixtures/beacon.json");

    function registration(string memory list, uint256 i) internal view returns (Registration memory) {
        string memory prefix = string.concat(".", list, "[", vm.toString(i), "]");
        return Registration({
            secret: uint256(vm.parseJsonBytes32(signatures, string.concat(prefix, ".secret"))),
            owner: vm.parseJsonAddress(signatures, string.concat(prefix, ".owner")),
            pubkey: vm.parseJsonBytes(signatures, string.concat(prefix, ".pubkey")),
            key: abi.decode(vm.parseJsonBytes(signatures, string.concat(prefix, ".point")), (G1Point)),
            binding: vm.parseJsonBytes32(signatures, string.concat(prefix, ".binding")),
            possession: g2(string.concat(prefix, ".possession"))
        });
    }

    function g2(string memory path) internal view returns (G2Point memory) {
        return abi.decode(vm.parseJsonBytes(signatures, path), (G2Point));
    }

    function beaconRoot(string memory name) internal view returns (bytes32) {
        return vm.parseJsonBytes32(beacon, string.concat(".", name, ".block_root"));
    }

    function beaconProof(string memory name, uint256 i, uint64 timestamp) internal view returns (BeaconValidatorProof memory proof) {
        string memory prefix = string.concat(".", name, ".validators[", vm.toString(i), "]");
        proof.timestamp = timestamp;
        proof.index = number(prefix, ".index");
        proof.validator = BeaconValidator({
            withdrawalCredentials: vm.parseJsonBytes32(beacon, string.concat(prefix, ".withdrawal_credentials")),
            effectiveBalanceGwei: number(prefix, ".effective_balance"),
            slashed: vm.parseJsonBool(beacon, string.concat(prefix, ".slashed")),
            activationEligibilityEpoch: number(prefix, ".activation_eligibility_epoch"),
            activationEpoch: number(prefix, ".activation_epoch"),
            exitEpoch: number(prefix, ".exit_epoch"),
            withdrawableEpoch: number(prefix, ".withdrawable_epoch")
        });
        proof.branch = vm.parseJsonBytes32Array(beacon, string.concat(prefix, ".branch"));
    }

    function number(string memory prefix, string memory field) private view returns (uint64) {
        return uint64(vm.parseJsonUint(beacon, string.concat(prefix, field)));
    }
}
