/** `switchboard demo` as somebody sees it who runs it for the first time. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Browser, DESK, PHONE, noBrowser } from '../support/browser.js';
import { Switchboard } from '../support/switchboard.js';
import { eventually } from '../support/wait.js';

/** The demo speaks at a person's pace: a sentence takes a while. In ms. */
const SENTENCE = 45_000;

describe('the demo', { skip: noBrowser }, () => {
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

  for (const [device, viewport] of Object.entries({ desk: DESK, phone: PHONE })) {
    test(`every session's captions arrive in every channel, ${device}`, async (t) => {
      const reader = await browser.reader({ viewport });
      t.after(() => reader.close());
      await reader.page.goto(server.url);
      const cards = reader.part('session-card');
      await cards.first().waitFor();
      const sessions = await cards.evaluateAll((all) => all.map((card) => card.getAttribute('data-session')));
      assert.ok(sessions.length >= 2);
      await reader.assertAccessible();
      await reader.assertFits();
      await reader.picture(`demo-${device}`);
      for (const session of sessions) {
        await reader.page.goto(server.url);
        await reader.page.locator(`[data-session="${session}"]`).click();
        await reader.sees('connection-state', 'connected');
        await reader.sees('broker-state', 'ok');
        await assertSpeaks(reader);
        await reader.assertAccessible();
        await reader.assertFits();
        await reader.picture(`demo-${device}-${session}`);
      }
      reader.assertNoComplaints();
    });
  }

  test('the home view and a session work in the dark', async (t) => {
    const reader = await browser.reader({ colorScheme: 'dark' });
    t.after(() => reader.close());
    await reader.page.goto(server.url);
    await reader.part('session-card').first().waitFor();
    await reader.assertAccessible();
    await reader.picture('demo-dark');
    await reader.part('session-card').first().click();
    await reader.part('final').first().waitFor({ timeout: SENTENCE });
    await reader.assertAccessible();
    await reader.picture('demo-dark-session');
    reader.assertNoComplaints();
  });

  test('the printed tokens open the session that they are for', async (t) => {
    const [, guest] = /** @type {RegExpExecArray} */ (await server.program?.says(/^guest token: (\S+)$/m));
    const claims = JSON.parse(Buffer.from(guest.split('.')[1], 'base64url').toString());
    const reader = await browser.reader();
    t.after(() => reader.close());
    await reader.page.goto(`${server.url}/?session=${claims.session}&channel=1#token=${guest}`);
    await reader.sees('connection-state', 'connected');
    await reader.part('partial').waitFor({ timeout: SENTENCE });
  });
});

/** Asserts that in every column partials rewrite themselves and become finals. @param {import('../support/browser.js').Reader} reader */
async function assertSpeaks(reader) {
  const columns = await reader.part('caption-column').all();
  assert.ok(columns.length > 0);
  await Promise.all(columns.map(async (column) => {
    const versions = new Set();
    const partial = column.getByTestId('partial').locator('.line-text');
    await eventually('a partial that rewrites itself twice', async () => {
      if (await column.getByTestId('partial').isVisible()) versions.add(await partial.textContent());
      return versions.size >= 3;
    }, () => [...versions], SENTENCE);
    await column.getByTestId('final').first().waitFor({ timeout: SENTENCE });
  }));
}
