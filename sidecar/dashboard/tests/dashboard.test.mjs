// The page in a real Chromium, against a running gateway: QUINTET_GATEWAY=http://127.0.0.1:5062 npm test
// The gateway has to have at least one job with a plan. Tests that simulate answers say so.

import assert from "node:assert/strict";
import { createServer, request } from "node:http";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

const GATEWAY = process.env.QUINTET_GATEWAY ?? "http://127.0.0.1:5062";
const SHOTS = process.env.QUINTET_SCREENSHOTS;
let browser;
let job;

before(async () => {
  const answer = await fetch(`${GATEWAY}/v1/jobs?limit=50`);
  const jobs = (await answer.json()).data;
  job = jobs.find((one) => one.state === "finalized") ?? jobs.find((one) => one.num_instances !== "0");
  assert.ok(job, "the gateway has no job with a plan yet");
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
});
after(() => browser?.close());

/** A page that fails the test on any error or any request to another host. */
async function open(hash, { base = `${GATEWAY}/`, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const troubles = [];
  page.on("pageerror", (error) => troubles.push(String(error)));
  page.on("console", (message) => message.type() === "error" && troubles.push(message.text()));
  page.on("request", (sent) => {
    const { protocol, host } = new URL(sent.url());
    if (protocol.startsWith("http") && host !== new URL(base).host) troubles.push(`asks ${host}`);
  });
  await page.goto(base + hash);
  return { page, context, troubles };
}

async function shot(page, name) {
  if (SHOTS) await page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: true });
}

for (const scheme of ["light", "dark"]) {
  for (const [name, hash, wanted] of [
    ["jobs", () => "#/", "Live slots"],
    ["job", () => `#/jobs/${job.id}`, "Instances and provers"],
    ["provers", () => "#/provers", "Provers"],
    ["network", () => "#/network", "Peers"],
    ["ledger", () => "#/ledger", "Finalized root"],
  ]) {
    test(`${name}, ${scheme}: shows its data, without errors or barriers`, async () => {
      const { page, context, troubles } = await open(hash(), { colorScheme: scheme });
      await page.getByText(wanted, { exact: true }).first().waitFor();
      await page.waitForFunction(() => !document.body.innerText.includes("Loading…"));
      await shot(page, `${name}-${scheme}`);
      const barriers = (await new AxeBuilder({ page }).analyze()).violations;
      assert.deepEqual(barriers.map((one) => `${one.id}: ${one.nodes.map((node) => node.target).join(" ")}`), []);
      assert.deepEqual(troubles, []);
      await context.close();
    });
  }
}

test("a job says what the gateway says", async () => {
  const { page, context } = await open(`#/jobs/${job.id}`);
  await page.locator("figure canvas").waitFor();
  const detail = (await (await fetch(`${GATEWAY}/v1/jobs/${job.id}`)).json()).data;
  const label = await page.locator("figure canvas").getAttribute("aria-label");
  assert.match(label, new RegExp(`${detail.selected.length} provers by ${detail.instances.length} instances`));
  const proven = detail.instances.reduce((sum, one) => sum + one.proven_by.filter((prover) => detail.selected.includes(prover)).length, 0);
  const reuse = (await (await fetch(`${GATEWAY}/v1/jobs/${job.id}/reuse`)).json()).data;
  const reused = new Set(reuse.full_proofs.flatMap((full) => full.makers.map((place, instance) => [reuse.provers[place] !== full.prover, `${place} ${instance}`])).flatMap(([others, cell]) => (others ? [cell] : [])));
  // A partial proof that was reused is shown as that.
  if (proven) assert.match(label, new RegExp(`\\b${proven - reused.size} proven`));
  if (reused.size) assert.match(label, new RegExp(`\\b${reused.size} reused`));
  const leader = detail.phases.find((phase) => phase.leader != null)?.leader;
  if (leader != null) await page.getByText(`leader ${leader}`).first().waitFor();
  const peers = (await (await fetch(`${GATEWAY}/v1/node/peers`)).json()).data;
  await page.getByText(peers.alone ? "This sidecar runs alone" : "Signed by").first().waitFor();
  await context.close();
});

test("the page weighs at most 200 kB, and asks for nothing but itself", async () => {
  const { page, context } = await open("#/ledger");
  const sizes = [];
  page.on("response", (answer) => !answer.url().includes("/v1/") && sizes.push(answer.body().then((body) => body.length, () => 0)));
  await page.reload();
  await page.getByText("Finalized root", { exact: true }).waitFor();
  const weight = (await Promise.all(sizes)).reduce((sum, one) => sum + one, 0);
  assert.ok(weight > 10_000 && weight <= 200_000, `${weight} bytes`);
  await context.close();
});

for (const scheme of ["light", "dark"]) {
  test(`several validators, ${scheme}, answers simulated: agreement, validators and peers are told in words`, async () => {
    const { page, context, troubles } = await open("#/ledger", { colorScheme: scheme });
    const answer = (data) => (route) => route.fulfill({ contentType: "application/json", body: JSON.stringify({ data }) });
    const now = Date.now();
    const peer = (n, more) => ({ peer_id: `12D3KooWSimulatedPeer${n}`, address: `/ip4/192.0.2.${n}/tcp/9100`, direction: n % 2 ? "outbound" : "inbound", agent: "quintet/0.1.0", connected_ms: `${now - n * 600_000}`, points: 0, score: 3, head_slot: "9", finalized_slot: "0", ledger_root: "0x00", ...more });
    await page.route("**/v1/node/peers", answer({ alone: false, peer_id: "12D3KooWSimulatedOurs", addresses: ["/ip4/192.0.2.9/tcp/9100/p2p/12D3KooWSimulatedOurs"], isolated: false, bans: "1", peers: [peer(1), peer(2), peer(3, { points: 34, score: -12 })] }));
    const validator = (n, more) => ({ index: `${n}`, pubkey: "0x" + `${n}`.padStart(96, "b"), weight: "32000000000", signing: "direct", heard_ms: now - 2000 * n, certificates_signed: `${12 - n}`, balance: "1600000000", ...more });
    await page.route("**/v1/validators", answer({ alone: false, own: "1", votes: true, total_weight: "128000000000", certificates: "12", validators: [validator(0), validator(1, { heard_ms: undefined }), validator(2), validator(3, { heard_ms: undefined })] }));
    const certificate = (phase, more) => ({ phase, state: "certified", extensions: "0", ranks: [], round: 0, leader: "2", rank: 0, bundle_root: "0x" + "ab".repeat(32), signers: ["0", "1", "2"], weight: "96000000000", total_weight: "128000000000", signature: "0x00", ...more });
    await page.route(`**/v1/jobs/${job.id}/certificates`, answer([certificate("T1"), certificate("T2", { state: "agreeing", extensions: "2", round: 27, rank: 3, leader: "0", bundle_root: undefined, signers: [], weight: "0", ranks: ["3", "1", "2", "0"] }), certificate("T3", { state: "waiting", leader: undefined, rank: undefined, round: undefined, bundle_root: undefined, signers: [], weight: "0", ranks: ["1", "0"] })]));
    await page.reload();
    for (const [hash, words] of [
      ["#/network", ["1, votes", "not yet", "25.0 %", "11 of 12", "192.0.2.3", "−12"]],
      [`#/jobs/${job.id}`, ["certified", "agreeing", "2 ×", "75.0 %", "2, rank 0", "next: 1, 0"]],
    ]) {
      await page.evaluate((to) => (location.hash = to), hash);
      for (const word of words) await page.locator("main").getByText(word).first().waitFor();
      await page.waitForFunction(() => !document.body.innerText.includes("Loading…"));
      await shot(page, `${hash.startsWith("#/network") ? "network" : "agreement"}-simulated-${scheme}`);
      const barriers = (await new AxeBuilder({ page }).analyze()).violations;
      assert.deepEqual(barriers.map((one) => `${one.id}: ${one.nodes.map((node) => node.target).join(" ")}`), []);
    }
    await page.getByText("3 peers").first().waitFor();
    assert.deepEqual(troubles, []);
    await context.close();
  });
}

test("the keyboard reaches every page and reads cells of the grid", async () => {
  const { page, context } = await open("#/");
  await page.getByRole("link", { name: "Provers" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Provers" }).waitFor();
  await page.goto(`${GATEWAY}/#/jobs/${job.id}`);
  const canvas = page.locator("figure canvas");
  await canvas.focus();
  const first = await page.locator(".reading").innerText();
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction((before) => document.querySelector(".reading").innerText !== before, first);
  await context.close();
});

test("works under a path prefix", async () => {
  const proxy = createServer((incoming, outgoing) => {
    if (!incoming.url.startsWith("/some/prefix/")) return outgoing.writeHead(404).end();
    const to = request(GATEWAY + incoming.url.slice("/some/prefix".length), { headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    // An event stream has no end of its own, and would keep this process alive.
    to.on("error", () => outgoing.destroy());
    outgoing.on("close", () => to.destroy());
    incoming.pipe(to);
  });
  await new Promise((ready) => proxy.listen(0, "127.0.0.1", ready));
  const { page, context, troubles } = await open("#/provers", { base: `http://127.0.0.1:${proxy.address().port}/some/prefix/` });
  await page.locator("tbody tr").first().waitFor();
  assert.deepEqual(troubles, []);
  await context.close();
  proxy.closeAllConnections();
  proxy.close();
});

test("200 provers × 400 instances, answers simulated: nothing moves, and it is quick", async () => {
  const provers = Array.from({ length: 200 }, (_, n) => "0x" + n.toString(16).padStart(96, "a"));
  const instances = Array.from({ length: 400 }, (_, n) => ({ instance: `${n}`, air: "cpu", index: `${n}`, rows: "2039", state: "proven", proven_by: [provers[n % 200], provers[(n * 7) % 200]] }));
  const { page, context } = await open("#/provers");
  const answer = (data) => (route) => route.fulfill({ contentType: "application/json", body: JSON.stringify({ data }) });
  const phases = [{ phase: "t1", starts_ms: "1000", deadline_ms: "2000", closed_ms: 1800, submissions: "200", leader: "3", rank: 0, certificate: "certified" }];
  const large = { ...job, state: "t2", num_instances: "400", num_provers: "200", k: 11, input_root: "0x00", selected: provers, phases, instances };
  await page.route("**/v1/jobs/large", answer(large));
  await page.route("**/v1/jobs/large/assignments", answer(provers.map((prover, n) => ({ index: `${n}`, prover, commit: Array.from({ length: 16 }, (_, i) => `${(n * 2 + i) % 400}`), prove: [`${(n * 2) % 400}`] }))));
  await page.route("**/v1/jobs/large/reuse", answer({ provers, full_proofs: provers.map((prover, n) => ({ phase: "T3", prover, body_root: "0x00", included: true, makers: instances.map((_, i) => (i + n) % 200) })) }));
  for (const part of ["commitments", "partial_proofs", "full_proofs", "rewards", "certificates"]) await page.route(`**/v1/jobs/large/${part}`, answer([]));
  await page.evaluate(() => {
    window.moved = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((one) => (window.moved += one.hadRecentInput ? 0 : one.value))).observe({ type: "layout-shift", buffered: false });
  });
  await page.evaluate(() => (location.hash = "#/jobs/large"));
  await page.locator("figure canvas").waitFor();
  await page.waitForTimeout(300);
  const start = await page.evaluate(() => ({ moved: window.moved, box: document.querySelector("figure canvas").getBoundingClientRect().toJSON() }));
  const took = await page.evaluate(async () => {
    const canvas = document.querySelector("figure canvas");
    const before = performance.now();
    for (let step = 0; step < 20; step++) {
      canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
      await new Promise(requestAnimationFrame);
    }
    return (performance.now() - before) / 20;
  });
  const end = await page.evaluate(() => ({ moved: window.moved, box: document.querySelector("figure canvas").getBoundingClientRect().toJSON() }));
  assert.deepEqual(end.box, start.box);
  // Chromium's own measure: below 0.1 counts as good, and this is what moving the cursor adds.
  assert.ok(end.moved - start.moved < 0.01, `${end.moved - start.moved}`);
  assert.ok(took < 500, `${took} ms a step`);
  await shot(page, "large-simulated");
  await context.close();
});
