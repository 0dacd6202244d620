// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {ProverRegistry} from "./ProverRegistry.sol";
import {ValidatorSet} from "./ValidatorSet.sol";
import {G2Point} from "./lib/Bls12381.sol";
import {Payments} from "./lib/Payments.sol";
import {Signing} from "./lib/Signing.sol";
import {Ssz} from "./lib/Ssz.sol";

/// @title Pays what the ledger says, and takes what it says.
/// @notice Two thirds of the enrolled validators sign a root of cumulative amounts; whoever shows a leaf under it is paid the difference to what was
/// paid before. The balance of this contract is the reward pool. Nobody administers it.
/// @dev What came in, ever, pays settlements in the order in which they were posted: settlement n can be claimed once the pool has received
/// the total rewards up to n. Within a covered settlement nobody can be late, because everything it owes is there. Roots stay claimable for ever.
contract Settlement is ReentrancyGuardTransient {
    /// @notice Parameters, fixed at deployment.
    struct Config {
        /// Settlements end at multiples of this.
        uint64 settlementEpochs;
        /// Wei for 10⁻⁹ of the unit that the table of rewards is written in.
        uint256 weiPerUnit;
        ProverRegistry registry;
        ValidatorSet validators;
    }

    /// @notice What validators sign. The container's hash tree root also covers chain id and this contract's address, before these fields.
    struct Statement {
        /// 1 for the first settlement; no gaps.
        uint64 number;
        /// Everything before this epoch is in the leaves.
        uint64 endEpoch;
        /// Root of the tree of leaves.
        bytes32 leavesRoot;
        /// Sum of all leaves' rewards, in 10⁻⁹ units.
        uint128 totalRewards;
        /// Sum of all leaves' penalties, in 10⁻⁹ units.
        uint128 totalPenalties;
        /// The ledger's own root, for those who compare ledgers; nothing here depends on it.
        bytes32 ledgerRoot;
    }

    /// @notice Whose account it is.
    enum Kind {
        Prover,
        Validator
    }

    /// @notice One account's cumulative amounts, in 10⁻⁹ units.
    struct Leaf {
        Kind kind;
        /// Index in the prover registry, or of the validator on the beacon chain.
        uint64 index;
        uint128 rewards;
        uint128 penalties;
    }

    /// @notice What is known of an account.
    struct Account {
        /// The latest settlement that rewards were claimed from.
        uint64 claimedFrom;
        /// The latest settlement whose penalties are known here.
        uint64 collectedFrom;
        /// The highest cumulative amounts that were shown, in 10⁻⁹ units.
        uint128 rewards;
        uint128 penalties;
        /// Rewards that were paid or set off, wei.
        uint256 paid;
        /// Penalties that were taken or set off, wei.
        uint256 taken;
    }

    /// @notice A settlement was posted.
    event Posted(
        uint64 indexed number,
        uint64 indexed endEpoch,
        bytes32 leavesRoot,
        uint128 totalRewards,
        uint128 totalPenalties,
        bytes32 ledgerRoot,
        uint256 signedWeight
    );
    /// @notice The pool received something: a donation, a penalty or a part of a slash.
    event Funded(address indexed from, uint256 amount, uint256 received);
    /// @notice Rewards were paid; `setOff` of them went against penalties that the stake could not pay.
    event Claimed(Kind indexed kind, uint64 indexed index, uint64 indexed settlement, address to, uint256 amount, uint256 setOff);
    /// @notice A penalty was taken from a stake.
    event PenaltyCollected(uint64 indexed index, uint64 indexed settlement, uint256 amount, uint256 stillOwed);

    /// @notice A parameter makes no sense.
    error InvalidConfig(string parameter, uint256 value);
    /// @notice The registry was deployed for another settlement contract.
    error ForeignRegistry(address itsSettlement);
    /// @notice Registry and validator set are of different beacon chains.
    error NetworksDiffer(bytes32 registry, bytes32 validators);
    /// @notice Settlements are posted one after the other.
    error WrongNumber(uint64 expected, uint64 got);
    /// @notice Not a multiple of the interval, not later than the last one, or not over yet.
    error WrongEndEpoch(uint64 previous, uint64 got, uint64 currentEpoch);
    /// @notice A total is smaller than before.
    error TotalFell(uint128 previous, uint128 got);
    /// @notice No such settlement was posted.
    error UnknownSettlement(uint64 number);
    /// @notice The leaf is not under the settlement's root.
    error WrongProof(uint64 number, bytes32 leaf);
    /// @notice A newer settlement was used for this account already.
    error OlderSettlement(uint64 number, uint64 used);
    /// @notice A cumulative amount is smaller than one that was shown before.
    error CumulativeFell(Kind kind, uint64 index, uint128 known, uint128 got);
    /// @notice The pool has not received enough for the settlements up to this one; `missing` wei more and it has.
    error PoolTooSmall(uint64 number, uint256 missing);
    /// @notice The leaves of a settlement add up to more than its signed total.
    error TotalExceeded(uint64 number, uint256 total, uint256 needed);
    /// @notice There is nothing to pay or to take.
    error NothingDue(Kind kind, uint64 index);

    /// @notice Settlements end at multiples of this.
    uint64 public immutable SETTLEMENT_EPOCHS;
    /// @notice Wei for 10⁻⁹ of the unit that the table of rewards is written in.
    uint256 public immutable WEI_PER_UNIT;
    /// @notice The stakes.
    ProverRegistry public immutable REGISTRY;
    /// @notice The signers.
    ValidatorSet public immutable VALIDATORS;

    /// @dev How many due changes of the validator set a posting carries out.
    uint256 private constant CHANGES_PER_POST = 32;

    /// @notice Settlements posted.
    uint64 public count;
    /// @notice Wei that ever came in.
    uint256 public received;
    /// @notice Wei of rewards that were ever paid or set off.
    uint256 public paid;
    /// @notice Wei of penalties that were ever taken or set off.
    uint256 public taken;

    /// The highest totals of settlements that were claimed from, wei: bounds of `paid` and `taken`.
    uint256 private paidBound;
    uint256 private takenBound;
    mapping(uint64 => Statement) private statements;
    mapping(Kind => mapping(uint64 => Account)) private accounts;

    /// @notice Fixes all parameters. The registry must have been deployed with this contract's address.
    /// @param config The parameters.
    constructor(Config memory config) {
        if (config.settlementEpochs == 0) revert InvalidConfig("settlementEpochs", 0);
        if (config.weiPerUnit == 0) revert InvalidConfig("weiPerUnit", 0);
        ProverRegistry registry = config.registry;
        if (registry.SETTLEMENT() != address(this)) revert ForeignRegistry(registry.SETTLEMENT());
        if (registry.FORK_DATA_ROOT() != config.validators.FORK_DATA_ROOT()) {
            revert NetworksDiffer(registry.FORK_DATA_ROOT(), config.validators.FORK_DATA_ROOT());
        }
        // Time for the last duty to be settled, and as long again to post it and to collect.
        if (registry.EXIT_DELAY_EPOCHS() < registry.DELAY_EPOCHS() + 2 * config.settlementEpochs) {
            revert InvalidConfig("settlementEpochs", config.settlementEpochs);
        }
        SETTLEMENT_EPOCHS = config.settlementEpochs;
        WEI_PER_UNIT = config.weiPerUnit;
        REGISTRY = registry;
        VALIDATORS = config.validators;
    }

    /// @notice Adds to the pool.
    receive() external payable {
        _fund();
    }

    /// @notice Adds to the pool.
    function fund() external payable {
        _fund();
    }

    /// @notice Posts a settlement. Anyone may, with the validators' signature.
    /// @param statement What they signed.
    /// @param absent Members of the set that did not sign, ascending.
    /// @param signature The aggregate of the others.
    function post(Statement calldata statement, uint64[] calldata absent, G2Point calldata signature) external {
        Statement storage previous = statements[count];
        if (statement.number != count + 1) revert WrongNumber(count + 1, statement.number);
        uint64 epoch = REGISTRY.currentEpoch();
        bool aligned = statement.endEpoch % SETTLEMENT_EPOCHS == 0;
        if (!aligned || statement.endEpoch <= previous.endEpoch || statement.endEpoch > epoch) {
            revert WrongEndEpoch(previous.endEpoch, statement.endEpoch, epoch);
        }
        if (statement.totalRewards < previous.totalRewards) revert TotalFell(previous.totalRewards, statement.totalRewards);
        if (statement.totalPenalties < previous.totalPenalties) {
            revert TotalFell(previous.totalPenalties, statement.totalPenalties);
        }
        VALIDATORS.advance(CHANGES_PER_POST);
        uint256 signedWeight = VALIDATORS.checkQuorum(signingRoot(statement), absent, signature);

        count = statement.number;
        statements[statement.number] = statement;
        emit Posted(
            statement.number,
            statement.endEpoch,
            statement.leavesRoot,
            statement.totalRewards,
            statement.totalPenalties,
            statement.ledgerRoot,
            signedWeight
        );
    }

    /// @notice Pays an account what it is due, to the address it has chosen, after taking what it owes. Anyone may call.
    /// @param number The settlement.
    /// @param leaf The account's leaf under it.
    /// @param proof Its siblings.
    function claim(uint64 number, Leaf calldata leaf, bytes32[] calldata proof) external nonReentrant {
        Account storage account = _show(number, leaf, proof);
        if (number < account.claimedFrom) revert OlderSettlement(number, account.claimedFrom);
        if (leaf.rewards < account.rewards) revert CumulativeFell(leaf.kind, leaf.index, account.rewards, leaf.rewards);
        account.claimedFrom = number;
        account.rewards = leaf.rewards;
        uint256 collected = _takeFromStake(number, leaf, account);
        uint256 due = uint256(account.rewards) * WEI_PER_UNIT - account.paid;
        if (due == 0) {
            if (collected == 0) revert NothingDue(leaf.kind, leaf.index);
            return;
        }
        uint256 total = uint256(statements[number].totalRewards) * WEI_PER_UNIT;
        if (total > received) revert PoolTooSmall(number, total - received);
        if (total > paidBound) paidBound = total;
        if (paid + due > paidBound) revert TotalExceeded(number, paidBound, paid + due);

        // What the stake could not pay is set off: it was meant for this account and is the pool's again.
        uint256 owed = uint256(account.penalties) * WEI_PER_UNIT - account.taken;
        uint256 setOff = owed < due ? owed : due;
        account.paid += due;
        paid += due;
        if (setOff != 0) {
            _countTaken(number, account, setOff);
            received += setOff;
        }
        address to = leaf.kind == Kind.Prover ? REGISTRY.payoutAddress(leaf.index) : VALIDATORS.payoutAddress(leaf.index);
        emit Claimed(leaf.kind, leaf.index, number, to, due - setOff, setOff);
        Payments.pay(to, due - setOff);
    }

    /// @notice Takes from a prover's stake what it owes. Anyone may call.
    /// @param number The settlement.
    /// @param leaf The prover's leaf under it.
    /// @param proof Its siblings.
    function collect(uint64 number, Leaf calldata leaf, bytes32[] calldata proof) external nonReentrant {
        Account storage account = _show(number, leaf, proof);
        if (_takeFromStake(number, leaf, account) == 0) revert NothingDue(leaf.kind, leaf.index);
    }

    // ---- Views

    /// @notice A posted settlement.
    /// @param number Its number.
    function getSettlement(uint64 number) external view returns (Statement memory) {
        return _statement(number);
    }

    /// @notice What is known of an account.
    /// @param kind Prover or validator.
    /// @param index Its index.
    function getAccount(Kind kind, uint64 index) external view returns (Account memory) {
        return accounts[kind][index];
    }

    /// @notice What the pool lacks for the settlements up to this one, wei; 0 if it can be claimed.
    /// @param number The settlement.
    function missingFor(uint64 number) external view returns (uint256) {
        uint256 total = uint256(_statement(number).totalRewards) * WEI_PER_UNIT;
        return total > received ? total - received : 0;
    }

    /// @notice What validators sign for a settlement.
    /// @param statement The settlement.
    function signingRoot(Statement calldata statement) public view returns (bytes32) {
        bytes32 root = Ssz.tree8(
            [
                Ssz.chunk(block.chainid),
                bytes32(bytes20(address(this))),
                Ssz.chunk(statement.number),
                Ssz.chunk(statement.endEpoch),
                statement.leavesRoot,
                Ssz.chunk(statement.totalRewards),
                Ssz.chunk(statement.totalPenalties),
                statement.ledgerRoot
            ]
        );
        return Signing.signingRoot(root, Signing.domain(Signing.DOMAIN_SETTLEMENT, REGISTRY.FORK_DATA_ROOT()));
    }

    /// @notice Hash of a leaf: keccak256 twice, so that no inner node passes for a leaf.
    /// @param leaf The leaf.
    function leafHash(Leaf calldata leaf) public pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(leaf.kind, leaf.index, leaf.rewards, leaf.penalties))));
    }

    // ---- Inside

    function _fund() private {
        received += msg.value;
        emit Funded(msg.sender, msg.value, received);
    }

    /// @dev Checks a leaf and remembers its penalties. Rewards are remembered by `claim` alone: otherwise anyone could collect under a settlement
    /// that the pool does not cover yet, and so keep a prover from claiming under an older one that it does.
    function _show(uint64 number, Leaf calldata leaf, bytes32[] calldata proof) private returns (Account storage account) {
        bytes32 hash = leafHash(leaf);
        if (!MerkleProof.verifyCalldata(proof, _statement(number).leavesRoot, hash)) revert WrongProof(number, hash);
        account = accounts[leaf.kind][leaf.index];
        if (number < account.collectedFrom) return account;
        if (leaf.penalties < account.penalties) revert CumulativeFell(leaf.kind, leaf.index, account.penalties, leaf.penalties);
        account.collectedFrom = number;
        account.penalties = leaf.penalties;
    }

    function _takeFromStake(uint64 number, Leaf calldata leaf, Account storage account) private returns (uint256 collected) {
        uint256 owed = uint256(account.penalties) * WEI_PER_UNIT - account.taken;
        if (leaf.kind != Kind.Prover || owed == 0) return 0;
        collected = REGISTRY.takePenalty(leaf.index, owed);
        if (collected == 0) return 0;
        _countTaken(number, account, collected);
        emit PenaltyCollected(leaf.index, number, collected, owed - collected);
    }

    function _countTaken(uint64 number, Account storage account, uint256 amount) private {
        uint256 total = uint256(statements[number].totalPenalties) * WEI_PER_UNIT;
        if (total > takenBound) takenBound = total;
        if (taken + amount > takenBound) revert TotalExceeded(number, takenBound, taken + amount);
        account.taken += amount;
        taken += amount;
    }

    function _statement(uint64 number) private view returns (Statement storage) {
        if (number == 0 || number > count) revert UnknownSettlement(number);
        return statements[number];
    }
}
