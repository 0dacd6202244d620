#!/usr/bin/env node
// Breaks one rule at a time and expects a test to notice: each line of the list is a file, a text that occurs once in it, what to put in its place, and the tests to run.
// Works on a copy, so that the tree is never left broken. `node tools/mutate.mjs PATTERN` tries those whose text matches,
// `SKIP=12 node tools/mutate.mjs` leaves the first twelve out.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";

const R = "src/ProverRegistry.sol", V = "src/ValidatorSet.sol", S = "src/Settlement.sol", B = "src/lib/BeaconProof.sol", L = "src/lib/Bls12381.sol";
const mutations = [
  // Keys and signatures
  [L, "if (isInfinity(key)) return false;", "", "Libraries"],
  [L, "return ok && one.length == 32 && abi.decode(one, (uint256)) == 1;", "return ok && one.length == 32;", "Libraries"],
  [L, "uint256 flags = larger ? 0xa0 : 0x80;", "uint256 flags = 0x80;", "Libraries"],
  [L, "a.yLo > P_LO ? 1 : 0", "0", "Libraries"],
  ["src/lib/HashToG2.sol", "zeroth ^ last", "zeroth", "Libraries"],
  ["src/lib/Signing.sol", "block.chainid, address(this)", "address(this)", "ProverRegistry"],
  ["src/lib/Signing.sol", "address(this), owner", "address(this)", "ProverRegistry"],
  ["src/lib/Signing.sol", "(forkData >> 32)", "bytes32(0)", "Libraries"],
  // Registration, stake, exit, pause
  [R, "if (msg.value < MIN_STAKE) revert StakeTooSmall(msg.value, MIN_STAKE);", "", "ProverRegistry"],
  [R, "if (keccak256(compressed) != keccak256(pubkey)) revert KeyMismatch(pubkey, compressed);", "", "ProverRegistry"],
  [R, "if (place != 0) revert KeyTaken(uint64(place - 1));", "", "ProverRegistry"],
  [R, "if (!Bls12381.verify(key, message, Bls12381.POSSESSION_DST, possession)) revert PossessionNotProven(pubkey, msg.sender);", "", "ProverRegistry"],
  [R, "uint64 activationEpoch = currentEpoch() + DELAY_EPOCHS;", "uint64 activationEpoch = currentEpoch();", "ProverRegistry"],
  [R, "if (wasBelow && prover.stake >= MIN_STAKE) prover", "if (false) prover", "ProverRegistry"],
  [R, "if (epoch < prover.withdrawableEpoch) revert", "if (false) revert", "{ProverRegistry,Invariants}"],
  [R, "if (prover.withdrawn) revert AlreadyWithdrawn(index);\n        uint64 epoch", "uint64 epoch", "ProverRegistry"],
  [R, "        prover.stake = 0;\n", "", "{ProverRegistry,Invariants}"],
  [R, "return prover.stake >= MIN_STAKE && ", "return ", "ProverRegistry"],
  [R, "if (prover.pauseFrom != NEVER && epoch < prover.pauseUntil) revert", "if (false) revert", "ProverRegistry"],
  [R, "if (prover.owner != msg.sender) revert", "if (false) revert", "ProverRegistry"],
  // Slashing
  [R, "if (a.bodyRoot == b.bodyRoot) revert SameBody(a.bodyRoot);", "", "ProverRegistry"],
  [R, "a.jobRoot != b.jobRoot || ", "", "ProverRegistry"],
  [R, "if (offences[offence]) revert", "if (false) revert", "ProverRegistry"],
  [R, "_requireSigned(0, index, a, domain, sigA);", "", "ProverRegistry"],
  [R, "_requireSigned(1, index, b, domain, sigB);", "", "ProverRegistry"],
  [R, "revert PhaseNotSlashable(phase);", "return 0x51000002;", "ProverRegistry"],
  [R, "amount - burned - reward", "amount - burned", "{ProverRegistry,Invariants}"],
  [R, "        _scheduleExit(index, prover);\n        Payments", "        Payments", "ProverRegistry"],
  [R, "if (msg.sender != SETTLEMENT) revert NotSettlement(msg.sender);", "", "ProverRegistry"],
  // Validators
  [B, "if (computed != expected) revert WrongBeaconRoot(expected, computed);", "", "{Libraries,ValidatorSet}"],
  [B, "if (proof.index >> LIST_DEPTH != 0) revert ValidatorIndexTooLarge(proof.index);", "", "Libraries"],
  [V, "bool stays = validator.exitEpoch == BeaconProof.FAR_FUTURE_EPOCH && !validator.slashed;", "bool stays = !validator.slashed;", "ValidatorSet"],
  [V, "_requireRecent(proof.timestamp);", "", "ValidatorSet"],
  [V, "if (!Bls12381.verify(key, message, Bls12381.POSSESSION_DST, possession)) revert PossessionNotProven(pubkey, msg.sender);", "", "ValidatorSet"],
  [V, "if (member.serial != change.serial) continue;", "", "ValidatorSet"],
  [V, "if (proof.timestamp <= member.provenAt) revert", "if (false) revert", "ValidatorSet"],
  [V, "proof.validator.exitEpoch <= currentEpoch()", "proof.validator.exitEpoch <= currentEpoch() + 1", "ValidatorSet"],
  [V, "signed * 3 < totalWeight * 2", "signed * 2 < totalWeight", "ValidatorSet"],
  [V, "absent[i] <= absent[i - 1]", "absent[i] < absent[i - 1]", "ValidatorSet"],
  [V, "if (!_counts(member)) revert NotMember(absent[i]);", "", "ValidatorSet"],
  [V, "memberCount < MIN_MEMBERS || ", "", "ValidatorSet"],
  [V, "aggregate = Bls12381.add(aggregate, Bls12381.negate(member.key));", "", "ValidatorSet"],
  // Settlement
  [S, "if (statement.number != count + 1) revert", "if (false) revert", "Settlement"],
  [S, "if (statement.totalRewards < previous.totalRewards) revert", "if (false) revert", "Settlement"],
  [S, "Ssz.chunk(block.chainid),", "Ssz.chunk(0),", "Settlement"],
  [S, "if (leaf.rewards < account.rewards) revert", "if (false) revert", "Settlement"],
  [S, "if (total > received) revert PoolTooSmall(number, total - received);", "", "Settlement"],
  [S, "if (paid + due > paidBound) revert", "if (false) revert", "Settlement"],
  [S, "        account.paid += due;\n", "", "{Settlement,Invariants}"],
  [S, "received += setOff;", "", "{Settlement,Invariants}"],
  [S, "        account.taken += amount;\n", "", "{Settlement,Invariants}"],
  [S, "if (registry.SETTLEMENT() != address(this)) revert", "if (false) revert", "Settlement"],
  [S, "if (number < account.claimedFrom) revert", "if (false) revert", "Settlement"],
];

const only = process.argv[2];
const work = mkdtempSync(join(tmpdir(), "mutate-"));
for (const part of ["src", "test", "fixtures", "tools", "foundry.toml", "package.json"]) cpSync(part, join(work, part), { recursive: true });
symlinkSync(join(process.cwd(), "node_modules"), join(work, "node_modules"));
// Without the optimiser: it compiles in a third of the time, and that is most of it.
const env = { ...process.env, FOUNDRY_OPTIMIZER: "false", FOUNDRY_FUZZ_RUNS: "8", FOUNDRY_INVARIANT_RUNS: "2" };
if (spawnSync("forge", ["--no-such-option"], { env }).status === 0) throw new Error("this forge hides its exit status: take the binary, not the wrapper");
let survivors = 0;
let tried = 0;
try {
  for (const [file, from, to, tests] of mutations.slice(Number(process.env.SKIP ?? 0))) {
    if (only && !from.includes(only)) continue;
    const original = readFileSync(file, "utf8");
    if (original.split(from).length !== 2) throw new Error(`${file}: must occur exactly once: ${from}`);
    writeFileSync(join(work, file), original.replace(from, () => to));
    const run = spawnSync("forge", ["test", "--match-path", `test/${tests}.t.sol`, "--fail-fast", "--code-size-limit", "1000000"], { cwd: work, encoding: "utf8", env });
    writeFileSync(join(work, file), original);
    const compiled = !/Compiler run failed|Compilation failed/.test(run.stdout + run.stderr);
    const caught = compiled && run.status !== 0 && /\[FAIL/.test(run.stdout);
    ++tried;
    if (!caught) ++survivors;
    console.log(`${caught ? "caught  " : compiled ? "SURVIVED" : "INVALID "} ${file}: ${from.trim().slice(0, 100)}`);
  }
} finally {
  rmSync(work, { recursive: true });
}
console.log(`${tried - survivors} of ${tried} mutations caught`);
process.exit(survivors === 0 ? 0 : 1);
