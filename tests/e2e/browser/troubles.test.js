/** What the page says when something is wrong, and that it comes back by itself. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Browser, PHONE, noBrowser } from '../support/browser.js';
import { noMosquitto } from '../support/mosquitto.js';
import { Proxy } from '../support/proxy.js';
import { Rig } from '../support/rig.js';
import { inSeconds, mint, userToken } from '../support/tokens.js';
import { eventually } from '../support/wait.js';

/** A browser's own words when a connection breaks, which no page can hush. */
const BROKEN_LINK = /WebSocket connection to .* failed|ERR_CONNECTION/;

describe('troubles on the page', { skip: noBrowser }, () => {
  /** @type {Browser} */
  let browser;
  before(async () => { browser = await Browser.start(); });
  after(() => browser?.stop());

  /** A server of the test's own, and somebody who reads a session of it through a proxy. */
  async function reading(t, broker = 'the embedded broker', token = userToken('ada')) {
    const rig = await Rig.start(broker);
    t.after(() => rig.stop());
    const proxy = await Proxy.start(rig.server.url);
    t.after(() => proxy.stop());
    const session = await rig.session();
    const reader = await browser.reader();
    t.after(() => reader.close());
    await reader.page.goto(`${proxy.url}/?session=${session}&channel=1#token=${token}`);
    return { rig, proxy, reader, room: `${session}/1` };
  }

  /** Waits until what is said is read. */
  async function flows({ rig, reader, room }, text) {
    if (!rig.publisher.client.connected) await rig.connectPublisher();
    await eventually(`“${text}” on the page`, async () => {
      await rig.publisher.say(room, 'final', { text });
      return (await reader.part('final').allTextContents()).some((line) => line.includes(text));
    });
  }

  test('the broker goes and returns: the page says both', { skip: noMosquitto }, async (t) => {
    const here = await reading(t, 'mosquitto');
    const { rig, reader } = here;
    await reader.sees('broker-state', 'ok');
    await flows(here, 'before');
    await rig.mosquitto.kill();
    await reader.sees('broker-state', 'ko');
    await reader.page.locator('[data-notice=broker][role=alert]').waitFor();
    await reader.sees('connection-state', 'connected');
    await reader.assertAccessible();
    await reader.picture('broker-lost');
    await rig.mosquitto.run();
    await reader.sees('broker-state', 'ok');
    await reader.page.locator('[data-notice=broker]').waitFor({ state: 'detached' });
    await flows(here, 'after');
    reader.assertNoComplaints();
  });

  test('a cut link is taken up again, and the room with it', async (t) => {
    const here = await reading(t);
    const { proxy, reader } = here;
    await reader.sees('connection-state', 'connected');
    await flows(here, 'before');
    proxy.cut();
    await reader.sees('connection-state', 'reconnecting');
    await reader.page.locator('[data-notice=connection]').waitFor();
    await reader.assertAccessible();
    await reader.picture('unreachable');
    proxy.admit();
    await reader.page.getByRole('button', { name: 'Try now' }).click();
    await reader.sees('connection-state', 'connected');
    await reader.page.locator('[data-notice=connection]').waitFor({ state: 'detached' });
    await flows(here, 'after');
    reader.assertNoComplaints(BROKEN_LINK);
  });

  test('the page outlives a restart of the server', async (t) => {
    const here = await reading(t);
    const { rig, reader } = here;
    await reader.sees('connection-state', 'connected');
    assert.equal((await rig.server.terminate()).code, 0);
    await reader.sees('connection-state', 'reconnecting');
    await rig.server.run();
    await reader.sees('connection-state', 'connected');
    await flows(here, 'after');
    reader.assertNoComplaints(BROKEN_LINK);
  });

  test('a token that ends is announced, and then the page stays away', async (t) => {
    const { reader } = await reading(t, undefined, mint({ sub: 'ada', exp: inSeconds(3) }));
    await reader.reads(reader.page.locator('[data-notice=expiring]'), 'Your access ends at');
    await reader.sees('connection-state', 'ended');
    await reader.reads(reader.page.locator('[data-notice=connection]'), 'You have no access to this session');
    assert.equal(await reader.page.locator('[data-notice=expiring]').count(), 0);
    await reader.assertAccessible();
    await reader.picture('access-ended');
  });

  test('a refused token brings the form, and a good one in it opens the session', async (t) => {
    const { reader } = await reading(t, undefined, 'a.b.c');
    await reader.sees('connection-state', 'ended');
    await reader.reads(reader.page.locator('[data-notice=connection]'), 'not accepted');
    await reader.page.getByRole('button', { name: 'Try again' }).click();
    await reader.part('open-token').waitFor();
    await reader.assertAccessible();
    await reader.picture('form');
    await reader.part('open-token').fill(userToken('ada'));
    await reader.page.keyboard.press('Enter');
    await reader.sees('connection-state', 'connected');
  });

  test('outside the demo the first view is the form, and tokens stay out of every address', async (t) => {
    const rig = await Rig.start('the embedded broker');
    t.after(() => rig.stop());
    const session = await rig.session();
    const reader = await browser.reader({ viewport: PHONE });
    t.after(() => reader.close());
    const addresses = [];
    reader.page.on('request', (request) => addresses.push(request.url()));
    reader.page.on('websocket', (socket) => addresses.push(socket.url()));
    await reader.page.goto(rig.server.url);
    await reader.page.getByRole('button', { name: 'Open captions' }).click();
    await reader.assertAccessible();
    await reader.assertFits();
    const token = userToken('ada');
    await reader.part('open-session').fill(session);
    await reader.part('open-channels').fill('1, 2');
    await reader.part('open-token').fill(token);
    await reader.page.keyboard.press('Enter');
    await reader.sees('connection-state', 'connected');
    await reader.counts(reader.part('caption-column'), 2);
    assert.deepEqual(addresses.filter((address) => address.includes(token)), []);
    assert.ok(!reader.page.url().includes(token));
    reader.assertNoComplaints();
  });
});
