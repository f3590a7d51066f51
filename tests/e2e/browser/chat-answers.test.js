/** Answers in the page as a language model writes them: growing, stopped, failed, lost. */

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Browser, PHONE, noBrowser } from '../support/browser.js';
import { Chatter, NOTES, createProject } from '../support/chat.js';
import { Model } from '../support/model.js';
import { Proxy } from '../support/proxy.js';
import { Switchboard } from '../support/switchboard.js';
import { eventually } from '../support/wait.js';

/** A browser's own words when a connection breaks, which no page can hush. */
const BROKEN_LINK = /WebSocket connection to .* failed|ERR_CONNECTION/;

describe('answers of a language model', { skip: noBrowser }, () => {
  /** @type {Model} */
  let model;
  /** @type {Switchboard} */
  let server;
  /** @type {Browser} */
  let browser;
  before(async () => {
    model = await Model.start();
    server = await Switchboard.start({ env: { SWITCHBOARD_LLM_URL: model.url, SWITCHBOARD_LLM_MODEL: 'parrot' } });
    browser = await Browser.start();
  });
  after(async () => {
    await browser?.stop();
    await server?.stop();
    await model?.stop();
  });
  beforeEach(() => {
    model.asked = [];
    model.left = 0;
  });

  const open = async (t, options) => Chatter.open(t, browser, server.url, await createProject(server), options);

  /** Asks, and waits until the model has to answer. @param {Chatter} chatter @param {string} question */
  const ask = async (chatter, question) => {
    const before = model.asked.length;
    await chatter.ask(question);
    await model.wasAsked(before + 1);
  };

  test('an answer grows word by word, is told once at its end, and keeps its sources', async (t) => {
    const chatter = await open(t);
    const { reader, page } = chatter;
    await chatter.upload({ name: 'lighthouse.md', content: NOTES });
    await chatter.documentIs('lighthouse.md', 'completed');
    await ask(chatter, 'What does the lamp of the lighthouse burn?');
    await reader.part('source').first().waitFor();
    model.say('It burns ');
    await reader.reads(chatter.answer, 'It burns ');
    await chatter.turnIs(1, 'writing');
    assert.equal(await reader.part('send').isVisible(), false);
    assert.equal(await reader.part('answer-status').textContent(), '');
    await reader.part('source').first().locator('summary').click();
    model.say('rapeseed ', 'oil.');
    await reader.reads(chatter.answer, 'It burns rapeseed oil.');
    // What is written meanwhile waits, and what is unfolded stays so.
    await chatter.ask('And how far is it seen?');
    await reader.counts(chatter.turns, 1);
    assert.equal(await page.locator('.source-text').first().isVisible(), true);
    await reader.assertAccessible();
    await reader.picture('chat-growing');
    model.finish();
    await chatter.turnIs(1, 'complete');
    await reader.reads(reader.part('answer-status'), 'Answer: It burns rapeseed oil.');
    await reader.reads(reader.part('model'), 'Written by parrot.');
    assert.equal(await page.locator('.source-text').first().isVisible(), true);
    await chatter.question.press('Enter');
    await model.wasAsked(2);
    model.say('<b>Nineteen</b> miles <img src=x onerror="window.pwned=1">');
    model.finish();
    await chatter.turnIs(2, 'complete');
    assert.equal(await chatter.answer.textContent(), '<b>Nineteen</b> miles <img src=x onerror="window.pwned=1">');
    assert.equal(await page.evaluate(() => window.pwned), undefined);
    reader.assertNoComplaints();
  });

  test('the stop button ends the model’s work and keeps what was said', async (t) => {
    const chatter = await open(t);
    const { reader, page } = chatter;
    await ask(chatter, 'Tell me of the sea.');
    model.say('The sea is ', 'wide and ');
    await reader.reads(chatter.answer, 'The sea is wide and ');
    await reader.part('stop').focus();
    await page.keyboard.press('Enter');
    await chatter.turnIs(1, 'stopped');
    await model.wasLeft(1);
    await reader.reads(reader.part('turn-note'), 'Stopped');
    await reader.reads(reader.part('answer-status'), 'The answer was stopped.');
    assert.equal(await chatter.question.evaluate((input) => input === document.activeElement), true);
    await reader.assertAccessible();
    await reader.picture('chat-stopped');
    await page.reload();
    await chatter.turnIs(1, 'stopped');
    await reader.reads(chatter.answer, 'The sea is wide and ');
    await chatter.isReady();
    reader.assertNoComplaints();
  });

  test('an answer that fails says so, and can be asked for again', async (t) => {
    const chatter = await open(t);
    const { reader } = chatter;
    model.refusals = [429];
    await ask(chatter, 'Are you there?');
    await chatter.turnIs(1, 'failed');
    assert.notEqual(await reader.part('turn-note').textContent(), '');
    await reader.assertAccessible();
    await reader.picture('chat-failed-answer');
    await chatter.isReady();
    await reader.part('ask-again').click();
    await model.wasAsked(2);
    model.say('Yes.');
    model.finish();
    await chatter.turnIs(2, 'complete');
    await reader.reads(chatter.answer, 'Yes.');
    assert.equal(await chatter.turns.first().getByTestId('ask-again').isVisible(), false);
    // One that cannot be mended by asking again does not offer it.
    model.refusals = [401];
    await ask(chatter, 'And now?');
    await chatter.turnIs(3, 'failed');
    assert.equal(await chatter.turns.last().getByTestId('ask-again').isVisible(), false);
    reader.assertNoComplaints();
  });

  test('a question in a chat in which another answer runs is given back', async (t) => {
    const project = await createProject(server);
    const one = await Chatter.open(t, browser, server.url, project);
    await ask(one, 'First?');
    const other = await Chatter.open(t, browser, server.url, project, { user: 'bob' });
    await other.turnIs(1, 'unanswered');
    await other.ask('Second?');
    await other.reader.reads(other.reader.part('box-fault'), 'This was not asked: An answer is running in this chat');
    assert.equal(await other.question.inputValue(), 'Second?');
    await other.reader.counts(other.turns, 1);
    await other.reader.assertAccessible();
    model.say('One.');
    model.finish();
    await one.turnIs(1, 'complete');
    await other.question.press('Enter');
    await model.wasAsked(2);
    model.say('Two.');
    model.finish();
    await other.reader.reads(other.answer, 'Two.');
    assert.equal(await other.reader.part('box-fault').textContent(), '');
  });

  test('an answer goes on while another chat is shown', async (t) => {
    const chatter = await open(t);
    const { reader } = chatter;
    await ask(chatter, 'The long story?');
    model.say('Once ');
    await reader.reads(chatter.answer, 'Once ');
    await reader.part('new-chat').click();
    await reader.counts(chatter.turns, 0);
    await chatter.isReady();
    model.say('upon ', 'a tide.');
    await reader.part('chat-link').first().click();
    await chatter.turnIs(1, 'writing');
    await reader.reads(chatter.answer, 'Once upon a tide.');
    model.finish();
    await chatter.turnIs(1, 'complete');
    reader.assertNoComplaints();
  });

  test('after a lost connection the stored part is shown as stopped, and the chat goes on', async (t) => {
    const proxy = await Proxy.start(server.url);
    t.after(() => proxy.stop());
    const project = await createProject(server);
    const chatter = await Chatter.open(t, browser, proxy.url, project);
    const { reader } = chatter;
    await ask(chatter, 'Will you stay?');
    model.say('As long ', 'as I ');
    await reader.reads(chatter.answer, 'As long as I ');
    proxy.cut();
    await reader.sees('connection-state', 'reconnecting');
    await chatter.turnIs(1, 'stopped');
    await chatter.question.fill('Kept?');
    await model.wasLeft(1);
    await reader.picture('chat-lost');
    proxy.admit();
    await chatter.isReady();
    await reader.sees('connection-state', 'connected');
    await eventually('the stored answer', async () => (await reader.part('model').textContent()) === 'Written by parrot. It may be wrong: the sources tell.');
    await chatter.turnIs(1, 'stopped');
    await reader.reads(chatter.answer, 'As long as I ');
    await chatter.question.press('Enter');
    await model.wasAsked(2);
    model.say('Kept.');
    model.finish();
    await chatter.turnIs(2, 'complete');
    reader.assertNoComplaints(BROKEN_LINK);
  });

  test('the end is followed until the reader scrolls up, on a phone', async (t) => {
    const chatter = await open(t, { context: { viewport: PHONE } });
    const { reader, page } = chatter;
    const scroller = page.locator('.talk-area .scroller');
    const distance = () => scroller.evaluate((e) => e.scrollHeight - e.clientHeight - e.scrollTop);
    const lines = (from) => Array.from({ length: 40 }, (_, i) => `Line ${from + i}\n`);
    await ask(chatter, 'Count.');
    model.say(...lines(1));
    await reader.reads(chatter.answer, 'Line 40');
    await eventually('the end', async () => (await distance()) < 2, distance);
    await scroller.evaluate((e) => { e.scrollTop = 200; });
    await reader.part('jump-end').waitFor();
    model.say(...lines(41));
    await reader.reads(chatter.answer, 'Line 80');
    assert.equal(await scroller.evaluate((e) => e.scrollTop), 200);
    await reader.assertAccessible();
    await reader.assertFits();
    await reader.picture('chat-phone');
    await reader.part('jump-end').click();
    await eventually('the end', async () => (await distance()) < 2, distance);
    model.finish();
    await chatter.turnIs(1, 'complete');
    await eventually('the end', async () => (await distance()) < 2, distance);
    reader.assertNoComplaints();
  });
});
