/** Chat over documents in the page, with no language model: upload, question, sources, answer. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Browser, PHONE, noBrowser } from '../support/browser.js';
import { Chatter, NOTES, createProject } from '../support/chat.js';
import { Switchboard } from '../support/switchboard.js';
import { mint, userToken } from '../support/tokens.js';
import { eventually } from '../support/wait.js';

/** A browser's own words for an answer that is an error, which no page can hush. */
const ANSWERED_BY_AN_ERROR = /status of 40[134]/;

/** Bytes a second, so that an upload is seen on its way. */
const SLOW = 400_000;

describe('chat over documents', { skip: noBrowser }, () => {
  /** @type {Switchboard} */
  let server;
  /** @type {Browser} */
  let browser;
  before(async () => {
    server = await Switchboard.start();
    browser = await Browser.start();
  });
  after(async () => {
    await browser?.stop();
    await server?.stop();
  });

  const open = async (t, options) => Chatter.open(t, browser, server.url, await createProject(server), options);

  test('a file is uploaded and read before the reader’s eyes, and asked', async (t) => {
    const chatter = await open(t);
    const { reader, page } = chatter;
    await reader.reads(reader.part('chat-empty'), 'Add a document first');
    await reader.assertAccessible();
    await reader.picture('chat-empty');
    const network = await page.context().newCDPSession(page);
    await network.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: SLOW });
    await watchProgress(page);
    const long = Array.from({ length: 12_000 }, (_, i) => `Wave ${i} came in from the west and broke on the mole.\n\n`).join('');
    await chatter.upload({ name: 'waves.txt', content: long }, { name: 'lighthouse.md', content: NOTES });
    await chatter.documentIs('lighthouse.md', 'queued');
    await reader.reads(reader.part('chat-empty'), 'The documents are being read');
    await reader.picture('chat-uploading');
    await chatter.documentIs('waves.txt', 'completed');
    await chatter.documentIs('lighthouse.md', 'completed');
    const seen = await page.evaluate(() => window.seenProgress);
    const of = (state) => [...new Set(seen.filter(([name, was]) => name === 'waves.txt' && was === state).map(([,, percent]) => percent))];
    assert.ok(of('sending').filter((percent) => percent > 0 && percent < 100).length >= 3, JSON.stringify(of('sending')));
    await reader.reads(reader.part('chat-empty'), 'Ask about the documents');
    assert.ok(of('processing').length >= 3, JSON.stringify(of('processing')));
    for (const state of ['sending', 'processing']) assert.deepEqual(of(state), of(state).toSorted((a, b) => a - b));
    await reader.reads(reader.part('document-count'), '2');
    await reader.reads(reader.part('announcements'), 'is ready.');

    await chatter.ask('When was the lighthouse of Morgat built?');
    await chatter.turnIs(1, 'complete');
    await reader.reads(chatter.answer, 'built in 1872 by the brothers Le Goff.');
    await reader.reads(chatter.turns.getByTestId('model'), 'Quoted from the documents');
    const source = chatter.turns.getByTestId('source').first();
    await reader.reads(source.locator('summary'), 'lighthouse.md');
    assert.match(await source.locator('summary').textContent(), /\d+ % match$/);
    assert.equal(await source.locator('.source-text').isVisible(), false);
    await source.locator('summary').click();
    assert.equal(await source.locator('.source-text').isVisible(), true);
    await reader.reads(source.locator('.source-text'), 'The keeper\'s cat is called Admiral');
    await reader.reads(reader.part('answer-status'), 'Answer: The lighthouse of Morgat');
    await reader.assertAccessible();
    await reader.picture('chat-answered');

    await page.reload();
    await chatter.turnIs(1, 'complete');
    await reader.reads(chatter.answer, 'built in 1872');
    await reader.counts(chatter.documents, 2);
    assert.match(page.url(), /\?project=\d+&chat=\d+$/);
    reader.assertNoComplaints();
  });

  test('a document that cannot be read says why, and goes when it is removed', async (t) => {
    const chatter = await open(t);
    const { reader } = chatter;
    await chatter.upload({ name: 'noise.txt', content: Buffer.from([0x62, 0xff, 0xfe, 0x9d, 0x20, 0xc3]) }, { name: 'tune.mp3', content: 'x' }, { name: 'empty.txt', content: '' });
    await chatter.documentIs('noise.txt', 'failed');
    await reader.reads(chatter.document('noise.txt').getByTestId('document-state'), 'The text is not UTF-8; save it as UTF-8 or name its charset.');
    await reader.reads(chatter.document('tune.mp3'), 'This kind of file cannot be read');
    await chatter.documentIs('empty.txt', 'failed');
    await reader.reads(reader.part('chat-empty'), 'Add a document first');
    assert.match(await chatter.document('empty.txt').getByTestId('document-state').textContent(), /empty/);
    await reader.assertAccessible();
    await reader.picture('chat-failed');
    await chatter.document('tune.mp3').getByTestId('document-remove').click();
    await chatter.document('empty.txt').getByTestId('document-remove').click();
    await reader.counts(chatter.documents, 1);
    await chatter.document('noise.txt').getByTestId('document-remove').click();
    await reader.reads(reader.part('confirm').locator('h2'), 'Remove “noise.txt”?');
    await reader.assertAccessible();
    await reader.picture('chat-confirm');
    await reader.part('confirm-no').click();
    await reader.counts(reader.part('confirm'), 0);
    await reader.counts(chatter.documents, 1);
    await chatter.document('noise.txt').getByTestId('document-remove').click();
    await reader.part('confirm-yes').click();
    await reader.counts(chatter.documents, 0);
    await chatter.page.reload();
    await chatter.isReady();
    await reader.reads(reader.part('document-count'), '0');
    reader.assertNoComplaints(/status of 4/);
  });

  test('another organization’s project is met with a friendly page, and so is a bad token', async (t) => {
    const project = await createProject(server);
    const reader = await browser.reader();
    t.after(() => reader.close());
    await reader.page.goto(`${server.url}/?project=${project}#token=${userToken('mallory')}`);
    await reader.reads(reader.part('unknown-project'), 'There is no such project, or it belongs to others.');
    assert.equal(await reader.part('open-project').inputValue(), String(project));
    await reader.assertAccessible();
    await reader.assertFits();
    await reader.picture('chat-unknown');
    await reader.page.goto(`${server.url}/?project=${project}`);
    await reader.page.goto(`${server.url}/?project=${project}#token=${mint({ sub: 'ada', exp: 1 })}`);
    await reader.page.reload();
    await reader.reads(reader.page.locator('[data-notice=refused]'), 'The access token was not accepted.');
    await reader.part('open-token').fill(userToken('ada'));
    await reader.page.keyboard.press('Enter');
    await reader.part('chat').waitFor();
    reader.assertNoComplaints(ANSWERED_BY_AN_ERROR);
  });

  test('markup in a file’s name, in its text and in a question stays text', async (t) => {
    const project = await createProject(server, '<img src=x onerror="window.pwned=1"> project');
    const chatter = await Chatter.open(t, browser, server.url, project);
    const { reader, page } = chatter;
    const name = '<img src=x onerror="window.pwned=1">.txt';
    const said = 'The tide turned at noon <img src=x onerror="window.pwned=1"><script>window.pwned=1</script> in Brest.';
    await chatter.upload({ name, content: said });
    await chatter.documentIs('<img', 'completed');
    await reader.reads(reader.page.locator('.upload-name'), '<img src=x onerror=');
    await chatter.ask('When did the tide turn <b>in Brest</b>?');
    await chatter.turnIs(1, 'complete');
    await reader.reads(chatter.answer, said);
    await reader.reads(reader.part('question-text'), '<b>in Brest</b>');
    await reader.part('source').first().locator('summary').click();
    await reader.reads(page.locator('.source-text').first(), said);
    await reader.reads(page.locator('h1'), '<img src=x');
    assert.equal(await page.evaluate(() => window.pwned), undefined);
    assert.equal(await page.locator('.chat :is(img, script, b)').count(), 0);
    await reader.picture('chat-markup');
    reader.assertNoComplaints();
  });

  test('the first question makes a chat that is named after it, and each chat is found again', async (t) => {
    const project = await createProject(server);
    const chatter = await Chatter.open(t, browser, server.url, project);
    const { reader, page } = chatter;
    const other = await Chatter.open(t, browser, server.url, project, { user: 'bob' });
    const links = reader.part('chat-link');
    await reader.counts(links, 0);
    await chatter.ask('Who is the cat?');
    await chatter.turnIs(1, 'complete');
    await reader.reads(links, 'Who is the cat?');
    assert.equal(await page.title(), 'Who is the cat? · Lighthouses');
    assert.equal(await chatter.question.evaluate((input) => input === document.activeElement), true);
    await reader.part('new-chat').click();
    await reader.counts(chatter.turns, 0);
    await chatter.ask('What burns\nin the lamp?');
    await chatter.turnIs(1, 'complete');
    await reader.counts(links, 2);
    await reader.reads(links.first(), 'What burns');
    await links.last().click();
    await reader.reads(reader.part('question-text'), 'Who is the cat?');
    assert.equal(await links.last().getAttribute('aria-current'), 'page');
    await page.goBack();
    await reader.reads(reader.part('question-text'), 'What burns');
    // Whoever else is in the project sees what there is, without asking.
    await other.reader.counts(other.reader.part('chat-link'), 2);
    await chatter.isReady();
    await chatter.upload({ name: 'lighthouse.md', content: NOTES });
    await other.documentIs('lighthouse.md', 'completed');
    await other.page.goto(`${server.url}/?project=${project}`);
    await other.reader.reads(other.reader.part('question-text'), 'What burns');
    reader.assertNoComplaints();
    other.reader.assertNoComplaints();
  });

  test('everything has its place on a phone, in the dark, and under the fingers of a keyboard', async (t) => {
    const chatter = await open(t, { context: { viewport: PHONE, colorScheme: 'dark' } });
    const { reader, page } = chatter;
    await reader.part('side-toggle').click();
    await chatter.upload({ name: `${'long-'.repeat(20)}name.txt`, content: NOTES });
    await chatter.documentIs('name.txt', 'completed');
    await reader.assertAccessible();
    await reader.assertFits();
    await reader.picture('chat-phone-side');
    await reader.reads(reader.part('side-toggle'), 'Back to the chat');
    await reader.part('side-toggle').click();
    await chatter.ask(`What is the cat called, ${'and-'.repeat(60)}where does it sleep?`);
    await chatter.turnIs(1, 'complete');
    await reader.reads(chatter.answer, 'Admiral');
    await page.keyboard.press('Shift+Tab');
    assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'SUMMARY');
    await page.keyboard.press('Enter');
    assert.equal(await page.locator('.source-text').first().isVisible(), true);
    await reader.assertAccessible();
    await reader.assertFits();
    await reader.picture('chat-phone-dark');
    await chatter.question.fill('one');
    await chatter.question.press('Shift+Enter');
    assert.equal(await chatter.question.inputValue(), 'one\n');
    await reader.counts(chatter.turns, 1);
    reader.assertNoComplaints();
  });
});

describe('the demo’s chat', { skip: noBrowser }, () => {
  test('the first view leads to it, and it answers offline', async (t) => {
    const server = await Switchboard.start({ command: 'demo' });
    t.after(() => server.stop());
    const browser = await Browser.start();
    t.after(() => browser.stop());
    const reader = await browser.reader();
    await reader.page.goto(server.url);
    await reader.part('project-card').click();
    const chatter = new Chatter(reader);
    await chatter.isReady();
    await chatter.documentIs('readers-notes.txt', 'completed');
    await reader.reads(reader.part('chat-link'), 'What the mud remembers');
    await chatter.ask('How often does a storm come?');
    await chatter.turnIs(1, 'complete');
    await reader.reads(chatter.answer, 'about every ninety years');
    await reader.assertAccessible();
    await reader.picture('demo-chat');
    reader.assertNoComplaints();
    const [, printed] = /** @type {RegExpExecArray} */ (await server.program?.says(/^chat: (\S+)$/m));
    await eventually('the printed address', () => new URL(printed).search === new URL(reader.page.url()).search.replace(/&chat=.*/, ''));
  });
});

/** Keeps every state of every document that the page shows, in `window.seenProgress`. @param {import('playwright-core').Page} page */
async function watchProgress(page) {
  await page.evaluate(() => {
    window.seenProgress = [];
    const look = () => {
      for (const entry of document.querySelectorAll('[data-testid=document]')) {
        window.seenProgress.push([entry.querySelector('.upload-name')?.textContent, entry.dataset.state, entry.querySelector('progress')?.value]);
      }
    };
    new MutationObserver(look).observe(document.querySelector('[data-testid=documents]'), { subtree: true, childList: true, attributes: true, characterData: true });
  });
}
