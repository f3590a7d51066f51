/** The page in a real headless Chromium. */

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { DEADLINE, eventually } from './wait.js';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const PROGRAM = (process.env.PATH ?? '').split(delimiter)
  .flatMap((folder) => NAMES.map((name) => join(folder, name))).find((file) => existsSync(file));

/** Why tests in a browser cannot run, for `skip`; false if they can. */
export const noBrowser = PROGRAM === undefined && 'chromium is not installed';

/** No sandbox, because root and containers have none; no talk with its maker, which only costs time. */
const FLAGS = ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'];
const ARTIFACTS = fileURLToPath(new URL('../../artifacts/', import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** What people hold in their hands, in CSS pixels. */
export const DESK = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

export class Browser {
  /** @param {import('playwright-core').Browser} browser */
  constructor(browser) {
    this.browser = browser;
  }

  static async start() {
    return new Browser(await chromium.launch({ executablePath: PROGRAM, args: FLAGS }));
  }

  /** @param {import('playwright-core').BrowserContextOptions} [options] @returns {Promise<Reader>} somebody new */
  async reader(options = {}) {
    const context = await this.browser.newContext({ viewport: DESK, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(DEADLINE);
    return new Reader(page);
  }

  async stop() {
    await this.browser.close();
  }
}

/** Somebody who looks at the page. */
export class Reader {
  /** @type {string[]} what the browser complained of: errors, violations of the policy, failed requests */
  complaints = [];

  /** @param {import('playwright-core').Page} page */
  constructor(page) {
    this.page = page;
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(`${message.text()} ${message.location().url}`);
    });
  }

  /** @param {string} id @returns {import('playwright-core').Locator} the element with this `data-testid` */
  part(id) {
    return this.page.getByTestId(id);
  }

  /** A channel's column. @param {string | number} index */
  column(index) {
    return this.page.locator(`[data-testid=caption-column][data-channel="${index}"]`);
  }

  /** Waits until the sign `id` is in the state `state`. @param {'connection-state' | 'broker-state'} id @param {string} state */
  async sees(id, state) {
    await this.page.locator(`[data-testid=${id}][data-state=${state}]`).waitFor();
  }

  /** Waits until the only element that `locator` finds says `text`. @param {import('playwright-core').Locator} locator */
  async reads(locator, text) {
    let last;
    await eventually(`“${text}”`, async () => (last = await locator.textContent()).includes(text), () => last);
  }

  /** Waits until `locator` finds `count` elements. @param {import('playwright-core').Locator} locator @param {number} count */
  async counts(locator, count) {
    await eventually(`${count} elements`, async () => (await locator.count()) === count, () => locator.count());
  }

  /** How far a column is from its end, in px. @param {string | number} index */
  distance(index) {
    return this.column(index).locator('.scroller').evaluate((e) => e.scrollHeight - e.clientHeight - e.scrollTop);
  }

  /** Waits until a column shows its end. @param {string | number} index */
  async follows(index) {
    await eventually('the end of the column', async () => (await this.distance(index)) < 2, () => this.distance(index));
  }

  /** Asserts that axe finds no fault in what is shown now. */
  async assertAccessible() {
    await this.page.evaluate(`${AXE};0`);
    const { violations } = await this.page.evaluate((rules) => window.axe.run(document, { runOnly: rules }), RULES);
    const faults = violations.flatMap(({ id, impact, nodes }) => nodes.map(({ target }) => `${impact} ${id}: ${target}`));
    assert.deepEqual(faults, []);
  }

  /** Asserts that nothing has to be scrolled sideways. */
  async assertFits() {
    assert.equal(await this.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), 0);
  }

  /** @param {RegExp} [expected] complaints that the test itself provoked */
  assertNoComplaints(expected) {
    assert.deepEqual(this.complaints.filter((text) => !expected?.test(text)), []);
  }

  /** Keeps a picture under tests/artifacts. @param {string} name */
  async picture(name) {
    mkdirSync(ARTIFACTS, { recursive: true });
    await this.page.screenshot({ path: join(ARTIFACTS, `${name}.png`) });
  }

  async close() {
    await this.page.context().close();
  }
}
