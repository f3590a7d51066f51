/** The dashboard when something is wrong: it says so, keeps what it knows, and comes back by itself. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Browser, noBrowser } from '../support/browser.js';
import { TOKEN, session, upload, watching } from '../support/dashboard.js';
import { eventually } from '../support/wait.js';

/** A browser's own words when a connection breaks, which no page can hush. */
const BROKEN_LINK = /WebSocket connection to .* failed|ERR_CONNECTION/;

describe('troubles on the dashboard', { skip: noBrowser }, () => {
  /** @type {Browser} */
  let browser;
  before(async () => { browser = await Browser.start(); });
  after(() => browser?.stop());

  test('after a loss the picture is asked anew, and what is shown becomes it', async (t) => {
    const { server, reader, card, entry, list } = await watching(t, browser, {
      sessions: [session('stays', 'Stays', 'active'), session('goes', 'Goes')],
      uploads: [upload('a', 'Interview', 'processing', 10), upload('b', 'Old tape', 'processing', 20)],
    });
    await entry('b').waitFor();
    await card('stays').evaluate((element) => { element.dataset.marked = 'yes'; });
    server.cut();
    await reader.sees('connection-state', 'reconnecting');
    await reader.reads(reader.part('live-count'), '1 live of 2, last known');
    assert.equal(await reader.page.title(), 'acme · Dashboard');
    await reader.page.locator('[data-notice=connection]').waitFor();
    await reader.assertAccessible();
    await reader.picture('dashboard-lost');
    server.sessions = [session('stays', 'Stays'), session('new', 'New', 'active')];
    server.uploads = [upload('b', 'Old tape', 'processing', 70)];
    server.admit();
    await reader.page.getByRole('button', { name: 'Try now' }).click();
    await reader.sees('connection-state', 'connected');
    await server.wasAsked('watch_organization_session', 2);
    await server.wasAsked('watch_organization_media', 2);
    await reader.reads(card('stays').locator('.live-sign'), 'Waiting');
    await reader.reads(card('new').locator('.live-sign'), 'Live');
    await reader.reads(entry('b').locator('.upload-percent'), '70 %');
    await reader.counts(card('goes'), 0);
    // How it ended nobody told: the page does not pretend to know.
    await reader.reads(list('done').locator('li'), 'Ended while this page was not connected');
    assert.equal(await card('stays').getAttribute('data-marked'), 'yes');
    await reader.reads(reader.part('live-count'), '1 live of 2');
    reader.assertNoComplaints(BROKEN_LINK);
  });

  test('without a right to the organization the page says so and stays away', async (t) => {
    const { server, reader } = await watching(t, browser, { prepare: (it) => it.denied.add('watch_organization_session') });
    await reader.sees('connection-state', 'ended');
    await reader.reads(reader.page.locator('[data-notice=connection][role=alert]'), 'You have no access to this organization.');
    await reader.reads(reader.part('sessions-empty'), 'Not connected');
    await reader.reads(reader.part('media-empty'), 'Not connected');
    assert.equal(server.count('watch_organization_session'), 1);
    await reader.assertAccessible();
    await reader.picture('dashboard-denied');
    reader.assertNoComplaints();
  });

  test('a right that ends leaves what was known, and no live title', async (t) => {
    const { server, reader, card } = await watching(t, browser, { sessions: [session('a', 'Talk', 'active')] });
    await card('a').waitFor();
    server.say('token_expiring', { expires_at: Date.now() + 60_000 });
    await reader.reads(reader.page.locator('[data-notice=expiring][role=status]'), 'Your access ends at');
    server.say('unauthorized');
    await reader.sees('connection-state', 'ended');
    assert.equal(await reader.page.locator('[data-notice=expiring]').count(), 0);
    await reader.reads(reader.part('live-count'), '1 live of 1, last known');
    assert.equal(await reader.page.title(), 'acme · Dashboard');
  });

  test('a refused token brings the form, and a good one in it opens the dashboard', async (t) => {
    const good = 'ddd.eee.fff';
    const { reader, card } = await watching(t, browser, {
      sessions: [session('a', 'Talk')], prepare: (it) => { it.accepts = (token) => token === good; },
    });
    await reader.reads(reader.page.locator('[data-notice=connection]'), 'not accepted');
    await reader.page.getByRole('button', { name: 'Try again' }).click();
    await reader.part('open-token').waitFor();
    assert.equal(await reader.part('open-organization').inputValue(), 'acme');
    assert.equal(await reader.part('open-channels').isHidden(), true);
    await reader.part('open-organization').fill('no/id');
    await reader.part('open-token').fill(good);
    await reader.page.keyboard.press('Enter');
    await reader.reads(reader.page.locator('#open-organization-hint'), 'none of / + # $');
    await reader.assertAccessible();
    await reader.picture('dashboard-form');
    await reader.part('open-organization').fill('acme');
    await reader.page.keyboard.press('Enter');
    await card('a').waitFor();
    reader.assertNoComplaints();
  });

  test('a watch that fails is named and asked for again until it is granted', async (t) => {
    const fault = { ok: false, error: 'access cannot be checked', code: 'ACCESS_UNAVAILABLE' };
    const { server, reader, card } = await watching(t, browser, {
      sessions: [session('a', 'Talk')], prepare: (it) => it.answers.set('watch_organization_session', fault),
    });
    await reader.reads(reader.page.locator('[data-notice=fault-sessions]'), 'access cannot be checked');
    server.answers.delete('watch_organization_session');
    await card('a').waitFor();
    await reader.counts(reader.page.locator('[data-notice=fault-sessions]'), 0);
    await reader.sees('connection-state', 'connected');
    assert.equal(server.count('watch_organization_media'), 1);
  });

  test('a lost broker is told apart from a lost server', async (t) => {
    const { server, reader, card } = await watching(t, browser, { sessions: [session('a', 'Talk')] });
    await card('a').waitFor();
    server.say('broker_ko');
    await reader.sees('broker-state', 'ko');
    await reader.reads(reader.page.locator('[data-notice=broker]'), 'Sessions may be out of date.');
    await reader.sees('connection-state', 'connected');
    await reader.assertAccessible();
    server.say('broker_ok');
    await reader.sees('broker-state', 'ok');
    await reader.counts(reader.page.locator('[data-notice=broker]'), 0);
  });

  test('the demo’s token is renewed before it ends', async (t) => {
    const dashboard = { id: 'acme', name: 'Acme', description: '', token: TOKEN };
    const { server, reader, card } = await watching(t, browser, {
      sessions: [session('a', 'Talk')], address: '?organization=acme', prepare: (it) => { it.demo = { sessions: [], dashboard }; },
    });
    await card('a').waitFor();
    assert.equal(await reader.page.locator('h1').textContent(), 'Acme');
    dashboard.token = 'ddd.eee.fff';
    server.say('token_expiring', { expires_at: Date.now() + 60_000 });
    await server.wasAsked('authenticate', 1);
    assert.deepEqual(server.asked.find(([name]) => name === 'authenticate'), ['authenticate', { token: 'ddd.eee.fff' }]);
    assert.equal(await reader.page.locator('[data-notice=expiring]').count(), 0);
  });

  test('a card leads to the captions and back, and the token stays out of every address', async (t) => {
    const { server, reader, card } = await watching(t, browser, { sessions: [session('a', 'Talk', 'active')], address: '' });
    const addresses = [];
    reader.page.on('request', (request) => addresses.push(request.url()));
    reader.page.on('websocket', (socket) => addresses.push(socket.url()));
    await reader.part('open-kind-organization').check({ force: true });
    await reader.part('open-organization').fill('acme');
    await reader.part('open-token').fill(TOKEN);
    await reader.page.keyboard.press('Enter');
    await card('a').getByRole('link').click();
    await reader.sees('connection-state', 'connected');
    await server.wasAsked('join_room', 1);
    assert.deepEqual(server.asked.find(([name]) => name === 'join_room'), ['join_room', 'a/1']);
    assert.match(reader.page.url(), /\?session=a&channel=1&organization=acme$/);
    await reader.part('home-link').click();
    await card('a').waitFor();
    await eventually('the heading in focus', () => reader.page.evaluate(() => document.activeElement?.tagName === 'H1'));
    assert.deepEqual([...addresses, reader.page.url()].filter((address) => address.includes(TOKEN)), []);
  });

  test('the keyboard reaches everything, and skipping to the content changes nothing', async (t) => {
    const sessions = Array.from({ length: 9 }, (_, i) => session(`s${i}`, `Session ${i}`));
    const { server, reader, card } = await watching(t, browser, { sessions });
    await card('s8').waitFor();
    const reached = [];
    for (let i = 0; i < 16; i += 1) {
      await reader.page.keyboard.press('Tab');
      reached.push(await reader.page.evaluate(() => document.activeElement?.getAttribute('data-testid') ?? document.activeElement?.className));
    }
    const expected = ['skip-link', 'home-link', 'display', 'session-search', 'live-only', ...Array(9).fill('card'), 'upload-lists'];
    assert.deepEqual(reached.slice(0, expected.length), expected);
    await reader.page.locator('.skip-link').focus();
    await reader.page.keyboard.press('Enter');
    assert.equal(await reader.page.evaluate(() => document.activeElement?.id), 'main');
    await reader.part('session-search').fill('8');
    await reader.counts(reader.page.locator('[data-testid=session]:visible'), 1);
    assert.equal(server.count('watch_organization_session'), 1);
  });
});
