/** The demo's dashboard, on the real program: sessions that are live, uploads on their way. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Browser, PHONE, noBrowser } from '../support/browser.js';
import { Proxy } from '../support/proxy.js';
import { Switchboard } from '../support/switchboard.js';
import { eventually } from '../support/wait.js';

/** The demo is calm: its first upload is done after less than this, in ms. */
const UPLOAD = 120_000;
/** A browser's own words when a connection breaks, which no page can hush. */
const BROKEN_LINK = /WebSocket connection to .* failed|ERR_CONNECTION/;

describe('the demo’s dashboard', { skip: noBrowser }, () => {
  /** @type {Switchboard} */
  let server;
  /** @type {Browser} */
  let browser;
  before(async () => {
    server = await Switchboard.start({ command: 'demo' });
    browser = await Browser.start();
  });
  after(async () => {
    await browser?.stop();
    await server?.stop();
  });

  /** Somebody who opens the printed address. */
  async function visitor(t, options = {}, origin = server.url) {
    const [, address] = /** @type {RegExpExecArray} */ (await server.program?.says(/^dashboard: (\S+)$/m));
    const reader = await browser.reader(options);
    t.after(() => reader.close());
    await reader.page.goto(`${origin}/${new URL(address).search}`);
    await reader.sees('connection-state', 'connected');
    return reader;
  }

  const session = (reader, id) => reader.page.locator(`[data-testid=session][data-session="${id}"]`);

  test('both sessions are live, with their channels and languages', async (t) => {
    const reader = await visitor(t);
    for (const id of ['demo-lecture', 'demo-council']) await reader.reads(session(reader, id).locator('.live-sign'), 'Live');
    await reader.reads(session(reader, 'demo-lecture').locator('[data-channel="2"]'), 'InterprétationFrenchStreaming');
    await reader.reads(reader.part('live-count'), '2 live of 2');
    assert.equal(await reader.page.title(), '(2 live) Demonstration · Dashboard');
    await reader.sees('broker-state', 'ok');
    await reader.assertAccessible();
    reader.assertNoComplaints();
  });

  test('uploads make progress; one is done and one fails', async (t) => {
    const reader = await visitor(t);
    const bar = reader.page.getByRole('progressbar').first();
    await bar.waitFor();
    const seen = new Set();
    await eventually('progress', async () => {
      for (const value of await reader.page.locator('progress:visible').evaluateAll((all) => all.map((e) => e.value))) seen.add(value);
      return seen.size >= 5;
    }, () => [...seen], UPLOAD);
    await reader.part('uploads-done').locator('li').first().waitFor({ timeout: UPLOAD });
    await reader.part('uploads-error').locator('li').first().waitFor({ timeout: UPLOAD });
    await reader.assertAccessible();
    await reader.picture('dashboard-demo');
    reader.assertNoComplaints();
  });

  test('the first view leads to it, and it leads to the captions, on a phone', async (t) => {
    const reader = await browser.reader({ viewport: PHONE });
    t.after(() => reader.close());
    await reader.page.goto(server.url);
    await reader.part('organization-card').click();
    await session(reader, 'demo-council').getByRole('link').click();
    await reader.part('partial').waitFor({ timeout: 45_000 });
    await reader.part('home-link').click();
    await reader.reads(session(reader, 'demo-council').locator('.live-sign'), 'Live');
    await reader.assertFits();
    reader.assertNoComplaints();
  });

  test('after a loss the dashboard is what it is again', async (t) => {
    const proxy = await Proxy.start(server.url);
    t.after(() => proxy.stop());
    const reader = await visitor(t, {}, proxy.url);
    await reader.reads(reader.part('live-count'), '2 live of 2');
    proxy.cut();
    await reader.sees('connection-state', 'reconnecting');
    await reader.reads(reader.part('live-count'), 'last known');
    proxy.admit();
    await reader.sees('connection-state', 'connected');
    await eventually('the count', async () => (await reader.part('live-count').textContent()) === '2 live of 2');
    await reader.part('upload').first().waitFor();
    reader.assertNoComplaints(BROKEN_LINK);
  });

  test('the printed token opens it, and that of a guest does not', async (t) => {
    const printed = async (kind) => /** @type {RegExpExecArray} */ (await server.program?.says(new RegExp(`^${kind} token: (\\S+)$`, 'm')))[1];
    const open = async (kind) => {
      const reader = await browser.reader();
      t.after(() => reader.close());
      await reader.page.goto(`${server.url}/?organization=demo#token=${await printed(kind)}`);
      return reader;
    };
    const member = await open('user');
    await member.reads(member.part('live-count'), '2 live of 2');
    const guest = await open('guest');
    await guest.sees('connection-state', 'ended');
    await guest.reads(guest.page.locator('[data-notice=connection]'), 'You have no access to this organization.');
  });
});
