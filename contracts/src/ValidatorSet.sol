// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {BeaconClock} from "./BeaconClock.sol";
import {BeaconProof, BeaconValidator, BeaconValidatorProof} from "./lib/BeaconProof.sol";
import {Bls12381, G1Point, G2Point} from "./lib/Bls12381.sol";
import {Signing} from "./lib/Signing.sol";

/// @title The beacon validators that sign settlements, weighed by their effective balances.
/// @notice Nobody administers this contract. Who is in it has proven to be an active validator, and who has exited can be removed by anyone.
/// @dev Joining and leaving take effect `DELAY_EPOCHS` later, in the order of their requests, so that nobody can invalidate a signature that is
/// being collected by joining or leaving. The sum of all keys is kept, so that a check of a quorum costs by the absent, not by the signers; proofs of
/// possession make that sum safe from keys that were made to cancel others.
contract ValidatorSet is BeaconClock {
    /// @notice Parameters, fixed at deployment.
    struct Config {
        /// Epochs until joining and leaving take effect.
        uint64 delayEpochs;
        /// How old the beacon root under an enrolment or a new balance may be, seconds.
        uint64 maxProofAge;
        /// Fewer members than this cannot sign anything.
        uint64 minMembers;
        /// Less weight than this cannot sign anything, gwei.
        uint64 minTotalWeight;
    }

    /// @notice Where a validator stands.
    enum Status {
        None,
        Joining,
        Member,
        Leaving,
        Gone
    }

    /// @notice A validator that is or was enrolled.
    struct Member {
        /// Who enrolled it.
        address owner;
        /// Effective balance, gwei.
        uint64 weight;
        /// Counts changes, so that a request that was overtaken is void.
        uint24 serial;
        Status status;
        /// Receives rewards.
        address payout;
        /// Timestamp of the proof that the weight is from.
        uint64 provenAt;
        /// The validator's key as a point.
        G1Point key;
    }

    /// @dev A request that takes effect with `epoch`.
    struct Change {
        uint64 index;
        uint64 epoch;
        uint24 serial;
        bool joins;
    }

    /// @notice A validator will count from this epoch on.
    event Enrolled(uint64 indexed index, address indexed owner, bytes pubkey, address payout, uint64 weight, uint64 fromEpoch);
    /// @notice A validator counts now.
    event Joined(uint64 indexed index, uint64 weight);
    /// @notice A validator will not count from this epoch on.
    event LeaveRequested(uint64 indexed index, uint64 fromEpoch);
    /// @notice A validator does not count any more.
    event Removed(uint64 indexed index);
    /// @notice A validator has another weight from now on.
    event WeightChanged(uint64 indexed index, uint64 from, uint64 to);
    /// @notice Rewards go to another address from now on.
    event PayoutChanged(uint64 indexed index, address indexed from, address indexed to);

    /// @notice A parameter makes no sense.
    error InvalidConfig(string parameter, uint256 value);
    /// @notice Zero is no address to pay to; `parameter` names which one was zero.
    error ZeroAddress(string parameter);
    /// @notice A key does not have 48 bytes.
    error KeyLength(uint256 length);
    /// @notice The 48 bytes are not the compressed form of the point.
    error KeyMismatch(bytes pubkey, bytes compressed);
    /// @notice The proof of possession is not one by this key for this chain, contract and owner.
    error PossessionNotProven(bytes pubkey, address owner);
    /// @notice The validator is enrolled, or is still leaving.
    error AlreadyEnrolled(uint64 index);
    /// @notice The record is not that of a validator that is active and stays so.
    error NotActive(
        uint64 index, bool slashed, uint64 activationEpoch, uint64 exitEpoch, uint64 effectiveBalanceGwei, uint64 currentEpoch
    );
    /// @notice The beacon root is too old for this.
    error ProofTooOld(uint64 timestamp, uint64 oldest);
    /// @notice A newer record is known.
    error ProofNotNewer(uint64 timestamp, uint64 known);
    /// @notice The validator is not in the set.
    error NotMember(uint64 index);
    /// @notice The caller did not enrol the validator.
    error NotOwner(uint64 index, address owner, address caller);
    /// @notice The absent are not named in ascending order.
    error AbsentNotAscending(uint64 previous, uint64 next);
    /// @notice The set is too small to sign anything.
    error SetTooSmall(uint64 members, uint64 minMembers, uint256 weight, uint64 minWeight);
    /// @notice The signers weigh less than two thirds.
    error QuorumTooSmall(uint256 signed, uint256 total);
    /// @notice The signature is not that of exactly the members that are not named absent.
    error SignatureInvalid(bytes32 signingRoot, uint64[] absent);

    /// @notice Epochs until joining and leaving take effect.
    uint64 public immutable DELAY_EPOCHS;
    /// @notice How old the beacon root under an enrolment or a new balance may be, seconds.
    uint64 public immutable MAX_PROOF_AGE;
    /// @notice Fewer members than this cannot sign anything.
    uint64 public immutable MIN_MEMBERS;
    /// @notice Less weight than this cannot sign anything, gwei.
    uint64 public immutable MIN_TOTAL_WEIGHT;

    /// @notice Number of members.
    uint64 public memberCount;
    /// @notice Sum of their weights, gwei.
    uint256 public totalWeight;

    G1Point private aggregate;
    mapping(uint64 => Member) private members;
    Change[] private changes;
    uint256 private nextChange;

    /// @notice Fixes all parameters.
    /// @param network The beacon chain.
    /// @param config The rest.
    constructor(Network memory network, Config memory config) BeaconClock(network) {
        if (config.delayEpochs == 0) revert InvalidConfig("delayEpochs", 0);
        if (config.maxProofAge == 0) revert InvalidConfig("maxProofAge", 0);
        if (config.minMembers == 0) revert InvalidConfig("minMembers", 0);
        DELAY_EPOCHS = config.delayEpochs;
        MAX_PROOF_AGE = config.maxProofAge;
        MIN_MEMBERS = config.minMembers;
        MIN_TOTAL_WEIGHT = config.minTotalWeight;
    }

    // ---- Owners

    /// @notice Enrols an active beacon validator; the caller becomes its owner. It counts after `DELAY_EPOCHS`.
    /// @param pubkey The validator's key, 48 bytes.
    /// @param key The same key as a point.
    /// @param possession Signature under the tag of proofs of possession over `pubkey ‖ possessionBinding(owner)`.
    /// @param payout Receives rewards.
    /// @param proof The validator's record under a recent beacon block root.
    function enrol(
        bytes calldata pubkey,
        G1Point calldata key,
        G2Point calldata possession,
        address payout,
        BeaconValidatorProof calldata proof
    ) external {
        if (payout == address(0)) revert ZeroAddress("payout");
        if (pubkey.length != 48) revert KeyLength(pubkey.length);
        Member storage member = members[proof.index];
        if (member.status != Status.None && member.status != Status.Gone) revert AlreadyEnrolled(proof.index);
        bytes memory compressed = Bls12381.compress(key);
        if (keccak256(compressed) != keccak256(pubkey)) revert KeyMismatch(pubkey, compressed);
        _requireRecent(proof.timestamp);
        BeaconProof.check(proof, pubkey);
        uint64 epoch = currentEpoch();
        _requireActive(proof.index, proof.validator, epoch);
        bytes memory message = bytes.concat(pubkey, possessionBinding(msg.sender));
        // This is also what holds the point against curve and subgroup.
        if (!Bls12381.verify(key, message, Bls12381.POSSESSION_DST, possession)) revert PossessionNotProven(pubkey, msg.sender);

        member.owner = msg.sender;
        member.payout = payout;
        member.weight = proof.validator.effectiveBalanceGwei;
        member.provenAt = proof.timestamp;
        member.key = key;
        member.status = Status.Joining;
        changes.push(Change(proof.index, epoch + DELAY_EPOCHS, ++member.serial, true));
        emit Enrolled(proof.index, msg.sender, pubkey, payout, member.weight, epoch + DELAY_EPOCHS);
    }

    /// @notice Leaves: a member counts for `DELAY_EPOCHS` more, one that had not joined yet never will.
    /// @param index The validator.
    function requestLeave(uint64 index) external {
        Member storage member = _owned(index);
        uint64 from = currentEpoch();
        if (member.status == Status.Joining) {
            _remove(index, member);
        } else if (member.status == Status.Member) {
            from += DELAY_EPOCHS;
            member.status = Status.Leaving;
            changes.push(Change(index, from, ++member.serial, false));
        } else {
            revert NotMember(index);
        }
        emit LeaveRequested(index, from);
    }

    /// @notice Sends rewards to another address from now on.
    /// @param index The validator.
    /// @param to The new address.
    function setPayout(uint64 index, address to) external {
        Member storage member = _owned(index);
        if (to == address(0)) revert ZeroAddress("to");
        emit PayoutChanged(index, member.payout, to);
        member.payout = to;
    }

    // ---- Anyone

    /// @notice Holds an enrolled validator against its record: removes it at once if it has exited or was slashed, otherwise takes over its balance.
    /// @dev An exit is final, so that a root of any age proves it.
    /// @param proof Its record.
    function refresh(BeaconValidatorProof calldata proof) external {
        Member storage member = members[proof.index];
        if (member.status == Status.None || member.status == Status.Gone) revert NotMember(proof.index);
        BeaconProof.check(proof, Bls12381.compress(member.key));
        if (proof.validator.slashed || proof.validator.exitEpoch <= currentEpoch()) {
            _remove(proof.index, member);
            return;
        }
        if (proof.timestamp <= member.provenAt) revert ProofNotNewer(proof.timestamp, member.provenAt);
        member.provenAt = proof.timestamp;
        uint64 weight = proof.validator.effectiveBalanceGwei;
        if (_counts(member)) totalWeight = totalWeight - member.weight + weight;
        emit WeightChanged(proof.index, member.weight, weight);
        member.weight = weight;
    }

    /// @notice Carries out requests whose epoch has come, oldest first.
    /// @param max How many at most.
    /// @return done How many there were.
    function advance(uint256 max) external returns (uint256 done) {
        uint64 epoch = currentEpoch();
        while (done < max && nextChange < changes.length && changes[nextChange].epoch <= epoch) {
            Change memory change = changes[nextChange];
            delete changes[nextChange];
            ++nextChange;
            ++done;
            Member storage member = members[change.index];
            // Removed in between, and perhaps enrolled anew: that has a request of its own.
            if (member.serial != change.serial) continue;
            if (change.joins) _join(change.index, member);
            else _remove(change.index, member);
        }
    }

    // ---- Views

    /// @notice Reverts unless `signature` is the aggregate over `signingRoot` of exactly the members not named absent, and these weigh two thirds.
    /// @param signingRoot What was signed.
    /// @param absent Members that did not sign, ascending.
    /// @param signature The aggregate.
    /// @return signed What the signers weigh, gwei.
    function checkQuorum(bytes32 signingRoot, uint64[] calldata absent, G2Point calldata signature)
        external
        view
        returns (uint256 signed)
    {
        if (memberCount < MIN_MEMBERS || totalWeight < MIN_TOTAL_WEIGHT) {
            revert SetTooSmall(memberCount, MIN_MEMBERS, totalWeight, MIN_TOTAL_WEIGHT);
        }
        G1Point memory key = aggregate;
        signed = totalWeight;
        for (uint256 i = 0; i < absent.length; ++i) {
            if (i != 0 && absent[i] <= absent[i - 1]) revert AbsentNotAscending(absent[i - 1], absent[i]);
            Member storage member = members[absent[i]];
            if (!_counts(member)) revert NotMember(absent[i]);
            signed -= member.weight;
            key = Bls12381.add(key, Bls12381.negate(member.key));
        }
        if (signed * 3 < totalWeight * 2) revert QuorumTooSmall(signed, totalWeight);
        if (!Bls12381.verify(key, bytes.concat(signingRoot), Bls12381.SIGNATURE_DST, signature)) {
            revert SignatureInvalid(signingRoot, absent);
        }
    }

    /// @notice Everything about a validator.
    /// @param index Its index on the beacon chain.
    function getMember(uint64 index) external view returns (Member memory) {
        return members[index];
    }

    /// @notice The sum of all members' keys.
    function aggregateKey() external view returns (G1Point memory) {
        return aggregate;
    }

    /// @notice Requests that are not carried out yet.
    function pendingChanges() external view returns (uint256) {
        return changes.length - nextChange;
    }

    /// @notice Where a validator's rewards go, also after it left.
    /// @param index The validator.
    function payoutAddress(uint64 index) external view returns (address) {
        address payout = members[index].payout;
        if (payout == address(0)) revert NotMember(index);
        return payout;
    }

    /// @notice What `owner`'s proof of possession signs after the key.
    /// @param owner Who will call `enrol`.
    function possessionBinding(address owner) public view returns (bytes32) {
        return Signing.possessionBinding(Signing.DOMAIN_VALIDATOR_ENROLMENT, owner);
    }

    // ---- Inside

    function _join(uint64 index, Member storage member) private {
        member.status = Status.Member;
        ++memberCount;
        totalWeight += member.weight;
        aggregate = Bls12381.add(aggregate, member.key);
        emit Joined(index, member.weight);
    }

    function _remove(uint64 index, Member storage member) private {
        if (_counts(member)) {
            --memberCount;
            totalWeight -= member.weight;
            aggregate = Bls12381.add(aggregate, Bls12381.negate(member.key));
        }
        member.status = Status.Gone;
        ++member.serial;
        emit Removed(index);
    }

    function _counts(Member storage member) private view returns (bool) {
        return member.status == Status.Member || member.status == Status.Leaving;
    }

    function _requireRecent(uint64 timestamp) private view {
        if (timestamp + MAX_PROOF_AGE < block.timestamp) {
            revert ProofTooOld(timestamp, uint64(block.timestamp) - MAX_PROOF_AGE);
        }
    }

    function _requireActive(uint64 index, BeaconValidator calldata validator, uint64 epoch) private pure {
        bool stays = validator.exitEpoch == BeaconProof.FAR_FUTURE_EPOCH && !validator.slashed;
        if (!stays || validator.activationEpoch > epoch || validator.effectiveBalanceGwei == 0) {
            revert NotActive(
                index,
                validator.slashed,
                validator.activationEpoch,
                validator.exitEpoch,
                validator.effectiveBalanceGwei,
                epoch
            );
        }
    }

    function _owned(uint64 index) private view returns (Member storage member) {
        member = members[index];
        if (member.owner != msg.sender) revert NotOwner(index, member.owner, msg.sender);
    }
}
