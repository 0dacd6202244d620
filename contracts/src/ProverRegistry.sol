// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {BeaconClock} from "./BeaconClock.sol";
import {Payments} from "./lib/Payments.sol";
import {Bls12381, G1Point, G2Point} from "./lib/Bls12381.sol";
import {Signing, SubmissionHeader} from "./lib/Signing.sol";

/// @title The stake of provers, and its slashing for equivocation.
/// @notice Nobody administers this contract: its parameters are fixed at deployment. Its balance is the sum of all stakes.
/// @dev Whatever decides who may be drawn (activation, exit, pause) takes effect `DELAY_EPOCHS` later. Sidecars read the registry as of
/// four epochs before a block, so all of them have seen a change before it counts.
contract ProverRegistry is BeaconClock, ReentrancyGuardTransient {
    /// @notice Parameters, fixed at deployment.
    struct Config {
        /// Least stake that can be drawn, wei.
        uint256 minStake;
        /// Epochs until an activation, exit or pause takes effect.
        uint64 delayEpochs;
        /// Epochs from the request of an exit to the withdrawal; slashable until then and until the withdrawal itself.
        uint64 exitDelayEpochs;
        /// Part of the stake that an equivocation costs, in 1/10,000.
        uint16 slashBps;
        /// Part of a slash that the reporter gets, in 1/10,000.
        uint16 reporterBps;
        /// The settlement contract: receives penalties and its part of slashes.
        address settlement;
    }

    /// @notice A prover. Its index is given once and never reused, and so is its key.
    struct Prover {
        /// May act for the prover.
        address owner;
        /// First epoch in which it can be drawn, if nothing else is against it.
        uint64 activationEpoch;
        /// Whether the stake was paid out.
        bool withdrawn;
        /// Receives rewards and the stake.
        address withdrawalAddress;
        /// First epoch in which it cannot be drawn any more; `NEVER` without an exit.
        uint64 exitEpoch;
        /// First epoch in which the stake can be withdrawn; `NEVER` without an exit.
        uint64 withdrawableEpoch;
        /// First epoch of its latest pause; `NEVER` if there was none.
        uint64 pauseFrom;
        /// First epoch after it; `NEVER` while it lasts.
        uint64 pauseUntil;
        /// Wei.
        uint256 stake;
        /// The stake key as a point.
        G1Point key;
    }

    /// @notice A prover was registered.
    event Registered(
        uint64 indexed index,
        address indexed owner,
        bytes pubkey,
        address withdrawalAddress,
        uint256 stake,
        uint64 activationEpoch
    );
    /// @notice Stake was added; the activation epoch changes if the stake had been below the minimum.
    event ToppedUp(uint64 indexed index, address indexed from, uint256 amount, uint256 stake, uint64 activationEpoch);
    /// @notice A prover leaves, by its own request or because it was slashed.
    event ExitScheduled(uint64 indexed index, uint64 exitEpoch, uint64 withdrawableEpoch);
    /// @notice The stake was paid out.
    event Withdrawn(uint64 indexed index, address indexed to, uint256 amount);
    /// @notice A pause begins with this epoch.
    event Paused(uint64 indexed index, uint64 fromEpoch);
    /// @notice The pause ends: the prover can be drawn again from this epoch on.
    event Resumed(uint64 indexed index, uint64 untilEpoch);
    /// @notice Rewards and stake go to another address from now on.
    event WithdrawalAddressChanged(uint64 indexed index, address indexed from, address indexed to);
    /// @notice Equivocation was proven.
    event Slashed(
        uint64 indexed index,
        bytes32 indexed jobRoot,
        uint8 phase,
        address indexed reporter,
        uint256 burned,
        uint256 reporterReward,
        uint256 toPool,
        uint256 stake
    );
    /// @notice A settled penalty was taken.
    event PenaltyTaken(uint64 indexed index, uint256 amount, uint256 stake);

    /// @notice A parameter makes no sense.
    error InvalidConfig(string parameter, uint256 value);
    /// @notice The stake sent is below the minimum.
    error StakeTooSmall(uint256 sent, uint256 minimum);
    /// @notice A key does not have 48 bytes.
    error KeyLength(uint256 length);
    /// @notice The 48 bytes are not the compressed form of the point.
    error KeyMismatch(bytes pubkey, bytes compressed);
    /// @notice The key is or was registered.
    error KeyTaken(uint64 index);
    /// @notice The proof of possession is not one by this key for this chain, contract and owner.
    error PossessionNotProven(bytes pubkey, address owner);
    /// @notice No prover has this index.
    error UnknownProver(uint64 index);
    /// @notice No prover has this key.
    error UnknownKey(bytes pubkey);
    /// @notice The caller does not own the prover.
    error NotOwner(uint64 index, address owner, address caller);
    /// @notice The caller is not the settlement contract.
    error NotSettlement(address caller);
    /// @notice The prover is leaving already.
    error Exiting(uint64 index, uint64 exitEpoch);
    /// @notice The stake cannot be withdrawn yet.
    error NotWithdrawable(uint64 index, uint64 withdrawableEpoch, uint64 currentEpoch);
    /// @notice The stake was paid out already.
    error AlreadyWithdrawn(uint64 index);
    /// @notice The latest pause has not ended yet.
    error PauseNotOver(uint64 index, uint64 until);
    /// @notice There is no pause to end.
    error NotPaused(uint64 index);
    /// @notice Zero is no address to pay to; `parameter` names which one was zero.
    error ZeroAddress(string parameter);
    /// @notice The two headers are not of one job, phase and prover.
    error HeadersUnrelated(SubmissionHeader a, SubmissionHeader b);
    /// @notice The two headers have the same body.
    error SameBody(bytes32 bodyRoot);
    /// @notice Different bodies are legitimate in this phase.
    error PhaseNotSlashable(uint8 phase);
    /// @notice A header is not signed by its prover. `which` is 0 or 1, `signingRoot` what had to be signed.
    error SignatureInvalid(uint256 which, uint64 index, bytes32 signingRoot);
    /// @notice This equivocation was punished already.
    error AlreadySlashed(uint64 index, bytes32 jobRoot, uint8 phase);

    /// @notice An epoch that never comes.
    uint64 public constant NEVER = type(uint64).max;
    /// @notice Half of a slash is burned, in 1/10,000, so that reporting oneself never pays.
    uint16 public constant BURN_BPS = 5000;
    uint256 private constant BPS = 10_000;

    /// @notice Least stake that can be drawn, wei.
    uint256 public immutable MIN_STAKE;
    /// @notice Epochs until an activation, exit or pause takes effect.
    uint64 public immutable DELAY_EPOCHS;
    /// @notice Epochs from the request of an exit to the withdrawal.
    uint64 public immutable EXIT_DELAY_EPOCHS;
    /// @notice Part of the stake that an equivocation costs, in 1/10,000.
    uint16 public immutable SLASH_BPS;
    /// @notice Part of a slash that the reporter gets, in 1/10,000.
    uint16 public immutable REPORTER_BPS;
    /// @notice The settlement contract.
    address public immutable SETTLEMENT;

    Prover[] private provers;
    /// Index + 1 by the hash of the 48 key bytes.
    mapping(bytes32 => uint256) private places;
    mapping(bytes32 => bool) private offences;

    /// @notice Fixes all parameters.
    /// @param network The beacon chain.
    /// @param config The rest.
    constructor(Network memory network, Config memory config) BeaconClock(network) {
        if (config.minStake == 0) revert InvalidConfig("minStake", 0);
        if (config.delayEpochs < 5) revert InvalidConfig("delayEpochs", config.delayEpochs);
        if (config.exitDelayEpochs <= config.delayEpochs) revert InvalidConfig("exitDelayEpochs", config.exitDelayEpochs);
        if (config.slashBps == 0 || config.slashBps > BPS) revert InvalidConfig("slashBps", config.slashBps);
        if (config.reporterBps + BURN_BPS > BPS) revert InvalidConfig("reporterBps", config.reporterBps);
        if (config.settlement == address(0)) revert ZeroAddress("settlement");
        MIN_STAKE = config.minStake;
        DELAY_EPOCHS = config.delayEpochs;
        EXIT_DELAY_EPOCHS = config.exitDelayEpochs;
        SLASH_BPS = config.slashBps;
        REPORTER_BPS = config.reporterBps;
        SETTLEMENT = config.settlement;
    }

    // ---- Owners

    /// @notice Registers a prover with the stake sent along; the caller becomes its owner. It can be drawn after `DELAY_EPOCHS`.
    /// @param pubkey The stake key, 48 bytes.
    /// @param key The same key as a point.
    /// @param possession Signature under the tag of proofs of possession over `pubkey ‖ possessionBinding(owner)`.
    /// @param withdrawalAddress Receives rewards and the stake.
    /// @return index The prover's index.
    function register(bytes calldata pubkey, G1Point calldata key, G2Point calldata possession, address withdrawalAddress)
        external
        payable
        returns (uint64 index)
    {
        if (msg.value < MIN_STAKE) revert StakeTooSmall(msg.value, MIN_STAKE);
        if (withdrawalAddress == address(0)) revert ZeroAddress("withdrawalAddress");
        if (pubkey.length != 48) revert KeyLength(pubkey.length);
        bytes memory compressed = Bls12381.compress(key);
        if (keccak256(compressed) != keccak256(pubkey)) revert KeyMismatch(pubkey, compressed);
        uint256 place = places[keccak256(pubkey)];
        if (place != 0) revert KeyTaken(uint64(place - 1));
        bytes memory message = bytes.concat(pubkey, possessionBinding(msg.sender));
        // This is also what holds the point against curve and subgroup.
        if (!Bls12381.verify(key, message, Bls12381.POSSESSION_DST, possession)) revert PossessionNotProven(pubkey, msg.sender);

        index = uint64(provers.length);
        places[keccak256(pubkey)] = index + 1;
        uint64 activationEpoch = currentEpoch() + DELAY_EPOCHS;
        provers.push(
            Prover({
                owner: msg.sender,
                activationEpoch: activationEpoch,
                withdrawn: false,
                withdrawalAddress: withdrawalAddress,
                exitEpoch: NEVER,
                withdrawableEpoch: NEVER,
                pauseFrom: NEVER,
                pauseUntil: NEVER,
                stake: msg.value,
                key: key
            })
        );
        emit Registered(index, msg.sender, pubkey, withdrawalAddress, msg.value, activationEpoch);
    }

    /// @notice Adds stake, from anyone. A prover that had fallen below `MIN_STAKE` and reaches it again can be drawn after `DELAY_EPOCHS`.
    /// @param index The prover.
    function topUp(uint64 index) external payable {
        Prover storage prover = _prover(index);
        if (prover.exitEpoch != NEVER) revert Exiting(index, prover.exitEpoch);
        bool wasBelow = prover.stake < MIN_STAKE;
        prover.stake += msg.value;
        if (wasBelow && prover.stake >= MIN_STAKE) prover.activationEpoch = currentEpoch() + DELAY_EPOCHS;
        emit ToppedUp(index, msg.sender, msg.value, prover.stake, prover.activationEpoch);
    }

    /// @notice Leaves: cannot be drawn from `DELAY_EPOCHS` on, can withdraw from `EXIT_DELAY_EPOCHS` on, and is slashable until it does.
    /// @param index The prover.
    function requestExit(uint64 index) external {
        Prover storage prover = _owned(index);
        if (prover.exitEpoch != NEVER) revert Exiting(index, prover.exitEpoch);
        _scheduleExit(index, prover);
    }

    /// @notice Pays the whole stake to the withdrawal address, once.
    /// @param index The prover.
    function withdraw(uint64 index) external nonReentrant {
        Prover storage prover = _owned(index);
        if (prover.withdrawn) revert AlreadyWithdrawn(index);
        uint64 epoch = currentEpoch();
        if (epoch < prover.withdrawableEpoch) revert NotWithdrawable(index, prover.withdrawableEpoch, epoch);
        uint256 amount = prover.stake;
        prover.withdrawn = true;
        prover.stake = 0;
        emit Withdrawn(index, prover.withdrawalAddress, amount);
        Payments.pay(prover.withdrawalAddress, amount);
    }

    /// @notice Maintenance without an exit: cannot be drawn from `DELAY_EPOCHS` on.
    /// @param index The prover.
    function pause(uint64 index) external {
        Prover storage prover = _owned(index);
        if (prover.exitEpoch != NEVER) revert Exiting(index, prover.exitEpoch);
        uint64 epoch = currentEpoch();
        // One pause at a time is kept here, so the last one must be over before another overwrites it.
        if (prover.pauseFrom != NEVER && epoch < prover.pauseUntil) revert PauseNotOver(index, prover.pauseUntil);
        prover.pauseFrom = epoch + DELAY_EPOCHS;
        prover.pauseUntil = NEVER;
        emit Paused(index, prover.pauseFrom);
    }

    /// @notice Ends the pause: can be drawn again from `DELAY_EPOCHS` on.
    /// @param index The prover.
    function resume(uint64 index) external {
        Prover storage prover = _owned(index);
        if (prover.pauseFrom == NEVER || prover.pauseUntil != NEVER) revert NotPaused(index);
        prover.pauseUntil = currentEpoch() + DELAY_EPOCHS;
        emit Resumed(index, prover.pauseUntil);
    }

    /// @notice Sends rewards and stake to another address from now on.
    /// @param index The prover.
    /// @param to The new address.
    function setWithdrawalAddress(uint64 index, address to) external {
        Prover storage prover = _owned(index);
        if (to == address(0)) revert ZeroAddress("to");
        emit WithdrawalAddressChanged(index, prover.withdrawalAddress, to);
        prover.withdrawalAddress = to;
    }

    // ---- Anyone

    /// @notice Punishes a prover that signed two bodies for one job and phase (T1 or T2). Costs it `SLASH_BPS` of its stake, once an offence,
    /// and its place: half of that is burned, the caller gets `REPORTER_BPS` of it, the reward pool the rest.
    /// @dev Whoever's transaction is included gets the reporter's share, which a searcher may copy out of the public mempool; the prover
    /// pays the same. Withdrawal does not shield: it needs an exit that has lasted `EXIT_DELAY_EPOCHS`.
    /// @param a One header.
    /// @param sigA Its signature.
    /// @param b The other header.
    /// @param sigB Its signature.
    function slashEquivocation(
        SubmissionHeader calldata a,
        G2Point calldata sigA,
        SubmissionHeader calldata b,
        G2Point calldata sigB
    ) external nonReentrant {
        if (a.jobRoot != b.jobRoot || a.phase != b.phase || keccak256(a.prover) != keccak256(b.prover)) {
            revert HeadersUnrelated(a, b);
        }
        if (a.bodyRoot == b.bodyRoot) revert SameBody(a.bodyRoot);
        bytes32 domain = Signing.domain(_slashableDomain(a.phase), FORK_DATA_ROOT);
        uint64 index = proverIndex(a.prover);
        Prover storage prover = provers[index];
        if (prover.withdrawn) revert AlreadyWithdrawn(index);
        bytes32 offence = keccak256(abi.encode(index, a.jobRoot, a.phase));
        if (offences[offence]) revert AlreadySlashed(index, a.jobRoot, a.phase);
        _requireSigned(0, index, a, domain, sigA);
        _requireSigned(1, index, b, domain, sigB);

        offences[offence] = true;
        uint256 amount = prover.stake * SLASH_BPS / BPS;
        uint256 burned = amount * BURN_BPS / BPS;
        uint256 reward = amount * REPORTER_BPS / BPS;
        uint256 toPool = amount - burned - reward;
        prover.stake -= amount;
        emit Slashed(index, a.jobRoot, a.phase, msg.sender, burned, reward, toPool, prover.stake);
        _scheduleExit(index, prover);
        Payments.pay(address(0), burned);
        Payments.pay(SETTLEMENT, toPool);
        Payments.pay(msg.sender, reward);
    }

    // ---- Settlement

    /// @notice Takes a settled penalty out of a stake, as far as it goes.
    /// @param index The prover.
    /// @param amount What is owed, wei.
    /// @return taken What was taken and sent to the settlement contract.
    function takePenalty(uint64 index, uint256 amount) external nonReentrant returns (uint256 taken) {
        if (msg.sender != SETTLEMENT) revert NotSettlement(msg.sender);
        Prover storage prover = _prover(index);
        taken = amount < prover.stake ? amount : prover.stake;
        if (taken == 0) return 0;
        prover.stake -= taken;
        emit PenaltyTaken(index, taken, prover.stake);
        Payments.pay(SETTLEMENT, taken);
    }

    // ---- Views

    /// @notice How many provers were ever registered.
    function proverCount() external view returns (uint64) {
        return uint64(provers.length);
    }

    /// @notice Everything about a prover.
    /// @param index The prover.
    function getProver(uint64 index) external view returns (Prover memory) {
        return _prover(index);
    }

    /// @notice Index of the prover with this key.
    /// @param pubkey 48 bytes.
    function proverIndex(bytes calldata pubkey) public view returns (uint64) {
        uint256 place = places[keccak256(pubkey)];
        if (place == 0) revert UnknownKey(pubkey);
        return uint64(place - 1);
    }

    /// @notice Where a prover's rewards go.
    /// @param index The prover.
    function payoutAddress(uint64 index) external view returns (address) {
        return _prover(index).withdrawalAddress;
    }

    /// @notice Whether a prover can be drawn in `epoch`, as far as this block knows.
    /// @param index The prover.
    /// @param epoch Not before the current epoch: earlier pauses are forgotten.
    function isActive(uint64 index, uint64 epoch) external view returns (bool) {
        Prover storage prover = _prover(index);
        bool paused = prover.pauseFrom <= epoch && epoch < prover.pauseUntil;
        return prover.stake >= MIN_STAKE && prover.activationEpoch <= epoch && epoch < prover.exitEpoch && !paused;
    }

    /// @notice What `owner`'s proof of possession signs after the key.
    /// @param owner Who will call `register`.
    function possessionBinding(address owner) public view returns (bytes32) {
        return Signing.possessionBinding(Signing.DOMAIN_PROVER_REGISTRATION, owner);
    }

    // ---- Inside

    /// @dev The exit never moves to a later epoch and the withdrawal never to an earlier one, so that a slash after the request of an exit
    /// locks what is left for as long as any other.
    function _scheduleExit(uint64 index, Prover storage prover) private {
        uint64 epoch = currentEpoch();
        if (epoch + DELAY_EPOCHS < prover.exitEpoch) prover.exitEpoch = epoch + DELAY_EPOCHS;
        prover.withdrawableEpoch = epoch + EXIT_DELAY_EPOCHS;
        emit ExitScheduled(index, prover.exitEpoch, prover.withdrawableEpoch);
    }

    function _requireSigned(
        uint256 which,
        uint64 index,
        SubmissionHeader calldata header,
        bytes32 domain,
        G2Point calldata signature
    ) private view {
        bytes32 root = Signing.signingRoot(Signing.headerRoot(header), domain);
        bool signed = Bls12381.verify(provers[index].key, bytes.concat(root), Bls12381.SIGNATURE_DST, signature);
        if (!signed) revert SignatureInvalid(which, index, root);
    }

    function _slashableDomain(uint8 phase) private pure returns (bytes4) {
        if (phase == 1) return Signing.DOMAIN_COMMITMENTS;
        if (phase == 2) return Signing.DOMAIN_PARTIAL_PROOFS;
        revert PhaseNotSlashable(phase);
    }

    function _prover(uint64 index) private view returns (Prover storage) {
        if (index >= provers.length) revert UnknownProver(index);
        return provers[index];
    }

    function _owned(uint64 index) private view returns (Prover storage prover) {
        prover = _prover(index);
        if (prover.owner != msg.sender) revert NotOwner(index, prover.owner, msg.sender);
    }
}
