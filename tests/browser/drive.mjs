// Opens a page in the Chromium named, does what the script on stdin says, prints its result as JSON.
// The script is the body of an async function of `page`, `axe` (violations), `seconds` (to load).
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [executablePath, url, options] = process.argv.slice(2);
const require = createRequire(`${process.cwd()}/`);
const { chromium } = require("playwright-core");
const given = JSON.parse(options);
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const context = await browser.newContext({
  viewport: { width: given.width ?? 1200, height: given.height ?? 900 },
  colorScheme: given.colorScheme ?? "light", bypassCSP: given.bypassCSP ?? false,
  deviceScaleFactor: given.scale ?? 1,
});
const page = await context.newPage();
const requests = [];
const errors = [];
page.on("request", (request) => requests.push(request.url()));
page.on("pageerror", (error) => errors.push(String(error)));
page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });
const began = performance.now();
await page.goto(url);
const seconds = (performance.now() - began) / 1000;
const axe = async () => {
  await page.addScriptTag({ content: readFileSync(require.resolve("axe-core/axe.min.js"), "utf8") });
  const found = await page.evaluate(() => axe.run());
  return found.violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" ... ")}`);
};
const body = readFileSync(0, "utf8");
const run = Object.getPrototypeOf(async () => {}).constructor("page", "axe", "seconds", "requests", "errors", body);
try {
  const result = await run(page, axe, seconds, requests, errors);
  process.stdout.write(JSON.stringify(result ?? null));
} finally {
  await browser.close();
}
