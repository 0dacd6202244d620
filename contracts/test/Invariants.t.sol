// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ProverRegistry} from "../src/ProverRegistry.sol";
import {Settlement} from "../src/Settlement.sol";
import {ValidatorSet} from "../src/ValidatorSet.sol";
import {Bls12381, G2Point} from "../src/lib/Bls12381.sol";
import {Signing, SubmissionHeader} from "../src/lib/Signing.sol";
import {Deployment} from "./support/Deployment.sol";
import {Signer} from "./support/Signer.sol";
import {Tree} from "./support/Tree.sol";
import {vm} from "./support/Vm.sol";

/// @title Random sequences of everything that moves money, next to books of its own that say what must have moved.
/// @dev Every action is one that is possible at that moment, so that nothing may revert (`fail_on_revert`).
contract Actions is Deployment {
    uint64 private constant PROVERS = 4;
    uint128 private constant UNIT = 1e9;
    address private constant REPORTER = address(0x4e);

    Settlement.Leaf[] private leaves;
    mapping(uint64 => Settlement.Leaf[]) private posted;
    mapping(uint64 => uint256) private offences;

    /// What went in and out, by these books.
    uint256 public staked;
    uint256 public toppedUp;
    uint256 public donated;
    uint256 public burned;
    uint256 public withdrawn;
    uint256 public slashes;
    uint256 public withdrawals;
    uint256 public claims;
    uint256 private immutable ZERO_BEFORE;
    bool public exitBeatSlash;

    constructor() {
        Deployment.setUp();
        ZERO_BEFORE = address(0).balance;
        for (uint64 i = 0; i < PROVERS; ++i) {
            register(i, 1 ether + i * 0.5 ether);
            staked += 1 ether + i * 0.5 ether;
            leaves.push(Settlement.Leaf(Settlement.Kind.Prover, i, 0, 0));
        }
        enrolAndJoin(3);
        leaves.push(Settlement.Leaf(Settlement.Kind.Validator, 0, 0, 0));
    }

    function contracts() external view returns (ProverRegistry, Settlement) {
        return (registry, settlement);
    }

    function leafOf(uint256 i) public view returns (Settlement.Leaf memory) {
        return leaves[i];
    }

    // ---- Actions

    function pass(uint64 epochs) external {
        atEpoch(registry.currentEpoch() + epochs % 300);
    }

    function donate(uint96 amount) external {
        uint256 value = amount % 2 ether;
        vm.deal(address(this), value);
        settlement.fund{value: value}();
        donated += value;
    }

    function topUp(uint64 prover, uint96 amount) external {
        prover %= PROVERS;
        if (registry.getProver(prover).exitEpoch != registry.NEVER()) return;
        uint256 value = amount % 1 ether;
        vm.deal(address(this), value);
        registry.topUp{value: value}(prover);
        toppedUp += value;
    }

    function exit(uint64 prover) external {
        prover %= PROVERS;
        ProverRegistry.Prover memory p = registry.getProver(prover);
        if (p.exitEpoch != registry.NEVER()) return;
        vm.prank(p.owner);
        registry.requestExit(prover);
    }

    function withdraw(uint64 prover) external {
        prover %= PROVERS;
        ProverRegistry.Prover memory p = registry.getProver(prover);
        if (p.withdrawn) return;
        if (registry.currentEpoch() < p.withdrawableEpoch) {
            vm.prank(p.owner);
            (bool early,) = address(registry).call(abi.encodeCall(ProverRegistry.withdraw, (prover)));
            if (early) exitBeatSlash = true;
            return;
        }
        vm.prank(p.owner);
        registry.withdraw(prover);
        withdrawn += p.stake;
        ++withdrawals;
    }

    /// @dev An offence that comes to light at any time before the withdrawal.
    function slash(uint64 prover) external {
        prover %= PROVERS;
        ProverRegistry.Prover memory p = registry.getProver(prover);
        if (p.withdrawn) return;
        Registration memory r = registration("provers", prover);
        SubmissionHeader memory a = SubmissionHeader(bytes32(++offences[prover]), 1, r.pubkey, bytes32(uint256(1)));
        SubmissionHeader memory b = SubmissionHeader(a.jobRoot, 1, r.pubkey, bytes32(uint256(2)));
        G2Point memory sigA = signHeader(r.secret, a);
        G2Point memory sigB = signHeader(r.secret, b);
        uint256 before = REPORTER.balance + address(0).balance + settlement.received();
        vm.prank(REPORTER);
        registry.slashEquivocation(a, sigA, b, sigB);
        uint256 cost = REPORTER.balance + address(0).balance + settlement.received() - before;
        if (cost != p.stake / 2) exitBeatSlash = true;
        ++slashes;
    }

    function earn(uint64 account, uint32 rewards, uint32 penalties) external {
        Settlement.Leaf storage leaf = leaves[account % leaves.length];
        leaf.rewards += uint128(rewards) * UNIT / 100;
        if (leaf.kind == Settlement.Kind.Prover) leaf.penalties += uint128(penalties) * UNIT / 200;
    }

    function post() public {
        uint64 number = settlement.count() + 1;
        uint64 end = number == 1 ? 0 : settlement.getSettlement(number - 1).endEpoch;
        end = end + PERIOD > (registry.currentEpoch() / PERIOD) * PERIOD
            ? end + PERIOD
            : (registry.currentEpoch() / PERIOD) * PERIOD;
        if (registry.currentEpoch() < end) atEpoch(end);
        Settlement.Statement memory s;
        s.number = number;
        s.endEpoch = end;
        s.leavesRoot = Tree.root(leaves);
        for (uint256 i = 0; i < leaves.length; ++i) {
            s.totalRewards += leaves[i].rewards;
            s.totalPenalties += leaves[i].penalties;
            posted[number].push(leaves[i]);
        }
        settlement.post(s, new uint64[](0), signAll(settlement.signingRoot(s), range(0, 3)));
    }

    /// @dev Any account under any settlement; what is refused must be refused for a reason that these books know.
    function claim(uint64 account, uint64 number) external {
        if (settlement.count() == 0) post();
        number = 1 + number % settlement.count();
        account %= uint64(leaves.length);
        Settlement.Leaf memory leaf = posted[number][account];
        bytes memory call = abi.encodeCall(Settlement.claim, (number, leaf, Tree.proof(posted[number], account)));
        (bool ok, bytes memory why) = address(settlement).call(call);
        if (ok) {
            ++claims;
            return;
        }
        bytes4 error_ = bytes4(why);
        bool known = error_ == Settlement.NothingDue.selector || error_ == Settlement.OlderSettlement.selector;
        if (error_ == Settlement.PoolTooSmall.selector) known = settlement.missingFor(number) > 0;
        vm.assertTrue(known, "refused for no good reason");
    }

    function collect(uint64 account, uint64 number) external {
        if (settlement.count() == 0) return;
        number = 1 + number % settlement.count();
        account %= uint64(leaves.length);
        Settlement.Leaf memory leaf = posted[number][account];
        bytes memory call = abi.encodeCall(Settlement.collect, (number, leaf, Tree.proof(posted[number], account)));
        (bool ok, bytes memory why) = address(settlement).call(call);
        if (!ok) vm.assertTrue(bytes4(why) == Settlement.NothingDue.selector, "refused for no good reason");
    }

    // ---- Books

    function stakes() public view returns (uint256 sum) {
        for (uint64 i = 0; i < PROVERS; ++i) {
            sum += registry.getProver(i).stake;
        }
    }

    /// @dev Everything that left the contracts.
    function paidOut() public view returns (uint256 sum) {
        for (uint256 i = 0; i < PROVERS; ++i) {
            sum += payout(i).balance;
        }
        return sum + validatorOwner(0).balance + REPORTER.balance + address(0).balance - ZERO_BEFORE;
    }

    function rewardsPaidTo(uint256 i) external view returns (uint256 paid, uint256 due) {
        Settlement.Leaf memory leaf = leaves[i];
        return (settlement.getAccount(leaf.kind, leaf.index).paid, uint256(leaf.rewards) * WEI_PER_UNIT);
    }

    function signHeader(uint256 secret, SubmissionHeader memory header) private view returns (G2Point memory) {
        bytes32 domain = Signing.domain(Signing.DOMAIN_COMMITMENTS, registry.FORK_DATA_ROOT());
        return Signer.sign(secret, Signing.signingRoot(Signing.headerRoot(header), domain));
    }
}

/// @title What holds after any sequence of actions.
contract InvariantsTest {
    Actions private actions;
    ProverRegistry private registry;
    Settlement private settlement;

    function setUp() public {
        vm.warp(1_600_000_000);
        actions = new Actions();
        (registry, settlement) = actions.contracts();
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function targetContracts() external view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(actions);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory list) {
        bytes4[10] memory all = [
            Actions.pass.selector,
            Actions.donate.selector,
            Actions.topUp.selector,
            Actions.exit.selector,
            Actions.withdraw.selector,
            Actions.slash.selector,
            Actions.earn.selector,
            Actions.post.selector,
            Actions.claim.selector,
            Actions.collect.selector
        ];
        list = new FuzzSelector[](1);
        list[0] = FuzzSelector(address(actions), new bytes4[](all.length));
        for (uint256 i = 0; i < all.length; ++i) {
            list[0].selectors[i] = all[i];
        }
    }

    /// What came in is in the stakes, in the pool, or was paid out, to the last wei.
    function invariant_stakes_and_pool_and_payments_are_what_came_in() public view {
        vm.assertEq(address(registry).balance, actions.stakes());
        uint256 held = address(registry).balance + address(settlement).balance;
        vm.assertEq(held + actions.paidOut(), actions.staked() + actions.toppedUp() + actions.donated());
    }

    /// The pool's balance is what it received less what it paid.
    function invariant_the_pool_is_what_it_received_less_what_it_paid() public view {
        vm.assertEq(address(settlement).balance, settlement.received() - settlement.paid());
        vm.assertTrue(settlement.paid() <= settlement.received());
    }

    function invariant_nobody_is_paid_more_than_due() public view {
        for (uint256 i = 0; i < 5; ++i) {
            (uint256 paid, uint256 due) = actions.rewardsPaidTo(i);
            vm.assertTrue(paid <= due, "paid more than due");
        }
    }

    /// Every offence that was shown before the withdrawal cost half of the stake, and no stake was withdrawn before its time.
    function invariant_an_exit_never_beats_a_slash() public view {
        vm.assertFalse(actions.exitBeatSlash());
    }
}
