/** The dashboard of an organization: what it shows, and how it changes under a reader's eyes. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Browser, PHONE, noBrowser } from '../support/browser.js';
import { channel, session, upload, watching } from '../support/dashboard.js';
import { eventually } from '../support/wait.js';

describe('the dashboard', { skip: noBrowser }, () => {
  /** @type {Browser} */
  let browser;
  before(async () => { browser = await Browser.start(); });
  after(() => browser?.stop());

  const lecture = { ...session('talk', 'The river'), channels: [channel(1, 'Floor', 'active', ['en-GB']), channel(2, 'Interpretation', 'inactive', ['fr'])] };
  const council = session('council', 'Town council');

  test('sessions and channels say in words who is live, and so do heading and title', async (t) => {
    const { reader, card } = await watching(t, browser, { sessions: [council, lecture] });
    await reader.reads(card('talk').locator('.live-sign'), 'Live');
    await reader.reads(card('council').locator('.live-sign'), 'Waiting');
    await reader.reads(card('talk').locator('[data-channel="1"]'), 'FloorBritish EnglishStreaming');
    await reader.reads(card('talk').locator('[data-channel="2"]'), 'InterpretationFrenchWaiting');
    await reader.reads(reader.part('live-count'), '1 live of 2');
    assert.equal(await reader.page.title(), '(1 live) acme · Dashboard');
    // Those who are live come first.
    assert.deepEqual(await ids(reader), ['talk', 'council']);
    await reader.assertAccessible();
    reader.assertNoComplaints();
  });

  test('sessions come, change and go without a reload', async (t) => {
    const { reader, card, update } = await watching(t, browser, { sessions: [lecture] });
    await card('talk').waitFor();
    update({ added: [session('new', 'Just opened', 'active')] });
    await reader.reads(reader.part('live-count'), '2 live of 2');
    assert.deepEqual(await ids(reader), ['talk', 'new']);
    // An update may say no more than what changed.
    update({ updated: [{ id: 'talk', channels: [{ index: 1, streamStatus: 'inactive' }, { index: 2 }] }] });
    await reader.reads(card('talk').locator('.live-sign'), 'Waiting');
    await reader.reads(card('talk').locator('[data-channel="1"]'), 'FloorBritish EnglishWaiting');
    update({ removed: [{ id: 'new' }] });
    await reader.reads(card('new').locator('.live-sign'), 'Ended');
    await reader.counts(reader.part('session'), 1);
    await reader.reads(reader.part('live-count'), '0 live of 1');
    assert.equal(await reader.page.title(), 'acme · Dashboard');
    update({ removed: [{ id: 'talk' }] });
    await reader.reads(reader.part('sessions-empty'), 'No session at the moment');
    reader.assertNoComplaints();
  });

  test('uploads show their progress, and end under done or failed', async (t) => {
    const { server, reader, entry, list } = await watching(t, browser, { uploads: [upload('a', 'Interview', 'processing', 42), upload('b', 'Old tape', 'pending')] });
    const bar = reader.page.getByRole('progressbar', { name: 'Interview' });
    await bar.waitFor();
    assert.deepEqual(await bar.evaluate((e) => [e.value, e.max, e.getAttribute('aria-valuetext')]), [42, 100, '42 percent, transcribing']);
    await reader.reads(entry('b').locator('.upload-state'), 'In the queue');
    server.say('conversation_processing', [upload('a', 'Interview', 'processing', 87), upload('b', 'Old tape', 'started')]);
    await reader.reads(entry('a').locator('.upload-percent'), '87 %');
    server.say('conversation_created', { ...upload('c', 'New one', 'pending'), organization: 'acme' });
    await reader.counts(list('going').locator('li'), 3);
    server.say('conversation_processing_done', 'a');
    server.say('conversation_processing_error', 'b');
    server.say('conversation_processing', [upload('c', 'New one', 'started')]);
    await reader.reads(list('done').locator('li .upload-name'), 'Interview');
    await reader.reads(entry('a').locator('.upload-state'), 'Done');
    await reader.reads(list('error').locator('li .upload-name'), 'Old tape');
    await reader.reads(entry('b').locator('.upload-state'), 'Failed');
    await reader.counts(reader.page.getByRole('progressbar'), 1);
    assert.equal(await list('done').locator('.upload-percent').isVisible(), false);
    await reader.assertAccessible();
    server.say('conversation_deleted', { id: 'c', status: 'deleted' });
    await reader.counts(list('going').locator('li'), 0);
    reader.assertNoComplaints();
  });

  test('what has ended can be dismissed, and the focus is not lost', async (t) => {
    const { server, reader, list } = await watching(t, browser, { uploads: [upload('a', 'Interview'), upload('b', 'Old tape')] });
    await reader.counts(list('going').locator('li'), 2);
    server.say('conversation_processing_done', 'a');
    server.say('conversation_processing_error', 'b');
    await reader.counts(list('error').locator('li'), 1);
    await reader.part('dismiss-done').focus();
    await reader.page.keyboard.press('Enter');
    await reader.counts(list('done').locator('li'), 0);
    assert.equal(await reader.page.evaluate(() => document.activeElement?.id), 'uploads-done');
    assert.equal(await reader.part('dismiss-done').isHidden(), true);
    assert.equal(await list('error').locator('li').count(), 1);
  });

  test('the twenty latest that have ended are kept', async (t) => {
    const all = Array.from({ length: 30 }, (_, i) => upload(`u${i}`, `Upload ${i}`));
    const { server, reader, list, entry } = await watching(t, browser, { uploads: all });
    await reader.counts(list('going').locator('li'), 30);
    for (const { _id } of all) server.say('conversation_processing_done', _id);
    await reader.counts(list('done').locator('li'), 20);
    await reader.counts(list('going').locator('li'), 0);
    assert.equal(await entry('u29').count(), 1);
    assert.equal(await entry('u0').count(), 0);
  });

  test('nothing moves that the reader points at', async (t) => {
    const { server, reader, entry, list } = await watching(t, browser, { uploads: [upload('a', 'Interview'), upload('b', 'Old tape')] });
    await entry('b').hover();
    const place = await entry('b').boundingBox();
    // The clock runs faster than the test: what is put off would be due many times over.
    await reader.page.clock.install();
    server.say('conversation_processing_done', 'a');
    await reader.reads(entry('a').locator('.upload-state'), 'Done');
    await reader.page.clock.runFor(20_000);
    assert.equal(await list('going').locator('li').count(), 2);
    assert.deepEqual(await entry('b').boundingBox(), place);
    await reader.page.mouse.move(0, 0);
    await reader.page.clock.runFor(2_000);
    await reader.counts(list('done').locator('li'), 1);
  });

  test('listeners hear what matters, together, and no progress', async (t) => {
    const { server, reader, card, update } = await watching(t, browser, { sessions: [council], uploads: [upload('a', 'Interview', 'processing', 1)] });
    const said = reader.part('announcements');
    assert.equal(await said.getAttribute('role'), 'status');
    await reader.reads(said, '0 live of 1.');
    for (let percent = 2; percent < 60; percent += 1) server.say('conversation_processing', [upload('a', 'Interview', 'processing', percent)]);
    update({ updated: [session('council', 'Town council', 'active')] });
    server.say('conversation_processing_done', 'a');
    await reader.reads(said, 'Town council is live. Interview is done.');
    update({ updated: [session('council', 'Town council')], added: ['p', 'q', 'r'].map((id) => session(id, id, 'active')) });
    await card('r').waitFor();
    await reader.reads(said, '4 changes on the dashboard.');
    // Not one element that changes every second is a live region.
    assert.equal(await reader.page.locator('[aria-live] progress, [role=status] progress, [role=log] progress').count(), 0);
  });

  test('five hundred sessions can be searched, and the live ones shown alone', async (t) => {
    const sessions = Array.from({ length: 500 }, (_, i) => session(`s${i}`, `Session number ${i}`, i % 50 === 0 ? 'active' : 'inactive'));
    const { reader, card, update } = await watching(t, browser, { sessions });
    await reader.reads(reader.part('live-count'), '10 live of 500');
    await reader.counts(reader.part('session'), 500);
    const shown = reader.page.locator('[data-testid=session]:visible');
    await reader.part('session-search').fill('number 12');
    await reader.counts(shown, 11);
    await reader.part('session-search').fill('');
    await reader.part('live-only').click();
    await reader.counts(shown, 10);
    // Who goes live joins at the end; who stops is not taken away from under the reader.
    update({ updated: [session('s7', 'Session number 7', 'active'), session('s0', 'Session number 0')] });
    await reader.counts(shown, 11);
    assert.equal(await shown.last().getAttribute('data-session'), 's7');
    await reader.reads(card('s0').locator('.live-sign'), 'Waiting');
    await reader.assertAccessible();
    await reader.picture('dashboard-many');
    reader.assertNoComplaints();
  });

  test('nothing that a publisher sends becomes markup or breaks the page', async (t) => {
    const odd = [null, 1, 'x', [], {}, { id: 1 }, { id: '' }, { id: 'a/b' }, { id: 'x y' }, { id: 'ok', name: '<img src=x onerror=alert(1)>', channels: 7 },
      { id: 'odd', name: {}, channels: [null, {}, { index: {} }, { index: 1, name: [], streamStatus: 3, languages: [null, 'not a tag!!', { candidate: 'de-DE' }] }, { id: '2', language: 'fr' }] }];
    const { server, reader, card, update } = await watching(t, browser, { sessions: odd, uploads: [null, 7, {}, { _id: {} }, { _id: 'u', jobs: { transcription: { progress: 1e9 } } }] });
    await card('ok').waitFor();
    await reader.reads(card('odd').locator('[data-channel="1"]'), 'Channel 1German (Germany)Waiting');
    for (const payload of [...odd, undefined]) {
      server.say('orga_acme_session_update', payload);
      for (const part of ['added', 'updated', 'removed']) server.say('orga_acme_session_update', { [part]: payload });
      for (const event of ['processing', 'processing_done', 'processing_error', 'created', 'deleted']) server.say(`conversation_${event}`, payload);
    }
    update({ added: [session('last', 'Still here')] });
    await reader.reads(card('last'), 'Still here');
    await reader.counts(reader.part('session'), 3);
    assert.equal(await reader.page.locator('img[src=x]').count(), 0);
    await reader.sees('connection-state', 'connected');
    reader.assertNoComplaints();
  });

  test('a phone in the dark shows it all without scrolling sideways', async (t) => {
    const long = { ...lecture, id: 'long', name: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft' };
    const { reader, card } = await watching(t, browser, {
      sessions: [lecture, long], uploads: [upload('a', `${long.name}.wav`, 'processing', 42)], context: { viewport: PHONE, colorScheme: 'dark' },
    });
    await card('long').waitFor();
    await reader.assertFits();
    await reader.assertAccessible();
    await reader.part('jump-uploads').click();
    await eventually('the uploads in sight', () => reader.page.locator('#media-title').evaluate((e) => e === document.activeElement && e.getBoundingClientRect().top < window.innerHeight));
    await reader.picture('dashboard-phone');
    reader.assertNoComplaints();
  });
});

/** The sessions in the order in which they are shown. @param {import('../support/browser.js').Reader} reader */
function ids(reader) {
  return reader.part('session').evaluateAll((all) => all.map((card) => card.getAttribute('data-session')));
}
