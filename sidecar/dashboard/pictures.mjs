// The pictures of the dashboard in the docs, of a running gateway with a finalized job: node pictures.mjs FOLDER
// QUINTET_GATEWAY (http://127.0.0.1:5062) is asked; scripts/pictures.sh starts one.

import { writeFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const GATEWAY = process.env.QUINTET_GATEWAY ?? "http://127.0.0.1:5062";
const [folder] = process.argv.slice(2);
if (!folder) throw new Error("node pictures.mjs FOLDER");
const { data: jobs } = await (await fetch(`${GATEWAY}/v1/jobs?limit=50&state=finalized`)).json();
if (!jobs.length) throw new Error(`${GATEWAY} has no finalized job yet`);

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
for (const [name, hash, wanted, colorScheme, height] of [
  ["dashboard-jobs", "#/", "Live slots", "light", 640],
  ["dashboard-job", `#/jobs/${jobs[0].id}`, "Instances and provers", "dark", 900],
  ["dashboard-network", "#/network", "Peers", "light", 640],
]) {
  const context = await browser.newContext({ viewport: { width: 1200, height }, colorScheme });
  const page = await context.newPage();
  await page.goto(`${GATEWAY}/${hash}`);
  await page.getByText(wanted, { exact: true }).first().waitFor();
  await page.waitForFunction(() => !document.body.innerText.includes("Loading…"));
  await page.waitForTimeout(500);
  // WebP, which Playwright itself does not write.
  const session = await context.newCDPSession(page);
  const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: 80 });
  const bytes = Buffer.from(data, "base64");
  await writeFile(`${folder}/${name}.webp`, bytes);
  console.log(`${folder}/${name}.webp: ${bytes.length} bytes`);
  await context.close();
}
await browser.close();
