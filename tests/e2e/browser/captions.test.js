/** Reading captions on the page: what it shows, how it follows the speech, how it is operated. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Browser, PHONE, noBrowser } from '../support/browser.js';
import { Rig } from '../support/rig.js';
import { userToken } from '../support/tokens.js';
import { eventually } from '../support/wait.js';

describe('the captions page', { skip: noBrowser }, () => {
  /** @type {Rig} */
  let rig;
  /** @type {Browser} */
  let browser;
  before(async () => {
    rig = await Rig.start('the embedded broker');
    browser = await Browser.start();
  });
  after(async () => {
    await browser?.stop();
    await rig?.stop();
  });

  /** Somebody who reads channels of a new session. */
  async function reading(t, channels = [1], options = {}) {
    const session = await rig.session();
    const reader = await browser.reader(options);
    t.after(() => reader.close());
    const query = new URLSearchParams([['session', session], ...channels.map((index) => ['channel', String(index)])]);
    await reader.page.goto(`${rig.server.url}/?${query}#token=${userToken('ada')}`);
    await reader.sees('connection-state', 'connected');
    const say = (kind, payload, channel = channels[0]) => rig.publisher.say(`${session}/${channel}`, kind, payload);
    for (const channel of channels) await reader.reads(reader.column(channel).locator('.empty'), 'Waiting for speech');
    // The join is acknowledged some moment after the connection: speak until the first word is heard.
    for (const channel of channels) {
      await eventually('the join', async () => {
        await say('partial', { text: 'hm' }, channel);
        return reader.column(channel).getByTestId('partial').isVisible();
      });
      await say('partial', { text: '' }, channel);
      await reader.column(channel).getByTestId('partial').waitFor({ state: 'hidden' });
    }
    return { reader, say };
  }

  test('a partial rewrites itself and its final takes its place', async (t) => {
    const { reader, say } = await reading(t);
    for (const text of ['Good', 'Good eve', 'Good evening every']) {
      await say('partial', { segmentId: 1, text, start: 0 });
      await reader.reads(reader.part('partial'), text);
    }
    await say('final', { segmentId: 1, text: 'Good evening, everybody.', start: 0, end: 1_500, speaker: 'speaker_1' });
    await reader.reads(reader.part('final'), 'Good evening, everybody.');
    assert.equal(await reader.part('partial').isHidden(), true);
    assert.match(String(await reader.part('final').textContent()), /Speaker 1 0:00/);
    reader.assertNoComplaints();
  });

  test('each channel shows its own captions beside the other', async (t) => {
    const { reader, say } = await reading(t, [1, 2]);
    await say('final', { segmentId: 1, text: 'The river rises.' }, 1);
    await say('final', { segmentId: 1, text: 'Le fleuve monte.' }, 2);
    await say('partial', { segmentId: 2, text: 'Il pleut' }, 2);
    await reader.reads(reader.column(1).getByTestId('final'), 'The river rises.');
    await reader.reads(reader.column(2).getByTestId('final'), 'Le fleuve monte.');
    await reader.reads(reader.column(2).getByTestId('partial'), 'Il pleut');
    assert.equal(await reader.column(1).getByTestId('partial').isHidden(), true);
    reader.assertNoComplaints();
  });

  test('nothing that a transcriber sends becomes markup or breaks the page', async (t) => {
    const { reader, say } = await reading(t);
    const odd = [null, 1, 'plain words', [], {}, { text: null }, { text: { a: 1 } }, { text: '<img src=x onerror=alert(1)>', speaker: '<b>x</b>' },
      { text: 'a', start: 'x', end: {}, speaker: [], lang: 'not a tag!!', segmentId: {}, astart: 'no date', translations: 7 },
      { text: 'y'.repeat(20_000) }, { text: 'b', start: 1e300, segmentId: null, lang: 'de-DE' }, { text: 'c', start: -5 }];
    for (const kind of ['partial', 'final', 'final/translations']) for (const payload of odd) await say(kind, payload);
    await say('final', { segmentId: 99, text: 'still here' });
    await reader.reads(reader.part('final').last(), 'still here');
    assert.equal(await reader.page.locator('img[src=x]').count(), 0);
    await reader.sees('connection-state', 'connected');
    reader.assertNoComplaints();
  });

  test('finals scroll, and five hundred of them are kept', async (t) => {
    const { reader, say } = await reading(t);
    for (let i = 0; i < 600; i += 1) await say('final', { segmentId: i, text: `Line number ${i}.`, start: i * 100, end: i * 100 + 50 });
    await reader.reads(reader.part('final').last(), 'Line number 599.');
    await reader.counts(reader.part('final'), 500);
    await reader.follows(1);
    assert.equal(await reader.part('jump-live').isHidden(), true);
  });

  test('a reader who scrolls up is left alone until the jump back', async (t) => {
    const { reader, say } = await reading(t);
    for (let i = 0; i < 60; i += 1) await say('final', { segmentId: i, text: `Line number ${i}.` });
    await reader.reads(reader.part('final').last(), 'Line number 59.');
    await reader.follows(1);
    await reader.column(1).locator('.scroller').focus();
    await reader.page.keyboard.press('PageUp');
    await reader.part('jump-live').waitFor();
    // A page up is animated: the reader presses the next key when it has come to rest.
    let last = -1;
    await eventually('rest', async () => {
      const [before, now] = [last, await reader.distance(1)];
      last = now;
      return now > 100 && now === before;
    }, () => last);
    for (let i = 0; i < 3; i += 1) await say('final', { segmentId: 100 + i, text: `New line ${i}.` });
    await reader.reads(reader.part('jump-live'), '3 new');
    assert.ok((await reader.distance(1)) > 100);
    await reader.picture('scrolled-up');
    await reader.part('jump-live').focus();
    await reader.page.keyboard.press('Enter');
    await reader.follows(1);
    await reader.part('jump-live').waitFor({ state: 'hidden' });
    await say('final', { segmentId: 200, text: 'The newest.' });
    await reader.reads(reader.part('final').last(), 'The newest.');
    await reader.follows(1);
  });

  test('screen readers are told finals, and no partials', async (t) => {
    const { reader, say } = await reading(t);
    await say('final', { segmentId: 1, text: 'Said.' });
    await say('partial', { segmentId: 2, text: 'being sai' });
    await reader.reads(reader.part('partial'), 'being sai');
    await reader.reads(reader.part('final'), 'Said.');
    const polite = reader.page.locator('[role=log][aria-live=polite]');
    assert.equal(await polite.getByTestId('final').count(), 1);
    assert.equal(await polite.getByTestId('partial').count(), 0);
    await reader.assertAccessible();
  });

  test('translations are shown under their line, and can be chosen', async (t) => {
    const { reader, say } = await reading(t);
    const translation = { segmentId: 1, text: 'Le fleuve monte.', sourceLang: 'en', targetLang: 'fr', final: true };
    await say('final', { segmentId: 1, text: 'The river rises.' });
    await say('final/translations', translation);
    await reader.reads(reader.part('final').getByTestId('translation'), 'Le fleuve monte.');
    await reader.part('display').click();
    await reader.part('translations').selectOption('none');
    assert.equal(await reader.part('translation').isHidden(), true);
    await reader.part('translations').selectOption('fr');
    assert.equal(await reader.part('translation').isVisible(), true);
  });

  test('text size, theme and hidden channels follow the reader', async (t) => {
    const { reader, say } = await reading(t, [1, 2]);
    await say('final', { segmentId: 1, text: 'Some words.' });
    const words = reader.part('final').first();
    await words.waitFor();
    const size = async () => parseFloat(await words.evaluate((e) => getComputedStyle(e).fontSize));
    const normal = await size();
    await reader.part('font-larger').click();
    assert.ok((await size()) > normal);
    for (const _ of [1, 2]) await reader.part('font-smaller').click();
    const small = await size();
    assert.ok(small < normal);
    await reader.part('display').click();
    await reader.page.getByRole('radio', { name: 'Dark' }).check({ force: true });
    await reader.page.keyboard.press('Escape');
    await reader.page.locator('[data-testid=channel-toggle][data-channel="2"]').click();
    assert.deepEqual([await reader.column(1).isVisible(), await reader.column(2).isVisible()], [true, false]);
    await reader.page.reload();
    await reader.sees('connection-state', 'connected');
    assert.equal(await reader.page.evaluate(() => document.documentElement.dataset.theme), 'dark');
    await eventually('a caption after the reload', async () => {
      await say('final', { text: 'More words.' });
      return (await reader.part('final').count()) > 0;
    });
    assert.equal(await size(), small);
    reader.assertNoComplaints();
  });

  test('everything can be reached with the keyboard alone', async (t) => {
    const { reader, say } = await reading(t, [1, 2]);
    await say('final', { segmentId: 1, text: 'Some words.' });
    const reached = new Set();
    for (let i = 0; i < 14; i += 1) {
      await reader.page.keyboard.press('Tab');
      reached.add(await reader.page.evaluate(() => document.activeElement?.getAttribute('data-testid') ?? document.activeElement?.className));
    }
    for (const part of ['skip-link', 'home-link', 'channel-toggle', 'font-smaller', 'font-larger', 'display', 'reading-mode', 'scroller']) {
      assert.ok(reached.has(part), `${part} is not among ${[...reached]}`);
    }
    await reader.part('reading-mode').focus();
    await reader.page.keyboard.press('Enter');
    const mode = () => reader.page.evaluate(() => document.documentElement.dataset.reading ?? 'off');
    await eventually('reading mode', async () => (await mode()) === 'on');
    await reader.assertAccessible();
    await reader.picture('reading-mode');
    await reader.page.keyboard.press('Escape');
    await eventually('the end of reading mode', async () => (await mode()) === 'off');
  });

  test('a phone shows it all without scrolling sideways, also in the largest text', async (t) => {
    const { reader, say } = await reading(t, [1, 2], { viewport: PHONE });
    await say('final', { segmentId: 1, text: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft.', speaker: 'Somebody' });
    await say('partial', { segmentId: 2, text: 'and so on' });
    await reader.reads(reader.column(1).getByTestId('partial'), 'and so on');
    await reader.assertFits();
    await reader.picture('phone');
    const larger = reader.part('font-larger');
    while ((await larger.getAttribute('aria-disabled')) === 'false') await larger.click();
    await reader.assertFits();
    await reader.assertAccessible();
    await reader.picture('phone-largest');
    reader.assertNoComplaints();
  });
});
