#!/usr/bin/env node
// Compares abi/*.json, which other programs are built from, with what was just compiled; --bless writes them.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const root = new URL("..", import.meta.url);
const bless = process.argv.includes("--bless");
let stale = 0;
mkdirSync(new URL("abi/", root), { recursive: true });
for (const name of ["ProverRegistry", "ValidatorSet", "Settlement"]) {
  const { abi } = JSON.parse(readFileSync(new URL(`out/${name}.sol/${name}.json`, root)));
  const made = JSON.stringify(abi, null, 1) + "\n";
  const file = new URL(`abi/${name}.json`, root);
  if (bless) {
    writeFileSync(file, made);
    continue;
  }
  let kept = "";
  try {
    kept = readFileSync(file, "utf8");
  } catch {}
  if (kept !== made) {
    console.error(`abi/${name}.json is not what was compiled: scripts/test-contracts.sh --bless`);
    stale = 1;
  }
}
process.exit(stale);
