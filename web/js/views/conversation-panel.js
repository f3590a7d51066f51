/** The conversation that is shown: loads it, asks in it, lets its answers grow, and follows them down. */

import { button, h, setText } from '../dom.js';
import { Conversation } from '../conversation.js';
import { sentence } from '../format.js';
import { readMessage, readNumber } from '../project.js';
import { RestError } from '../rest.js';
import { Follower } from './follow.js';
import { QuestionBox } from './question-box.js';
import { TurnView } from './turn.js';

/**
 * @typedef {import('../conversation.js').Change} Change
 * @typedef {import('../conversation.js').Turn} Turn
 * @typedef {{created: () => Promise<number>, asked: (chat: number) => void, gone: (chat: number) => void, add: () => void}} Told
 *   `created` makes a chat for the first question, `asked`: a question was stored, `gone`: there is no such chat, `add`: documents
 * @typedef {{title: string, hint: string, adds: boolean}} Invitation `adds`: to add documents
 */

/** So many messages of a chat are shown, the last ones. */
const MOST_MESSAGES = 400;

/** An answer that was cut short is looked for again so often, after this pause in ms: the server stores it when it learns of the loss. */
const LOOKS = 15;
const PAUSE = 2000;

/** Longer answers are not read out whole. In characters. */
const READ_OUT = 1500;

export class ConversationPanel {
  /** @type {Map<number, Conversation>} by chat: the one that is shown, and those in which an answer runs */
  #conversations = new Map();
  /** @type {Conversation | null} null: a chat that begins with the next question */
  #shown = null;
  /** @type {TurnView[]} of what is shown */
  #views = [];
  /** Whether a chat is being made for a question. */
  #isCreating = false;
  #isConnected = false;
  /** Whether it is settled which chat is shown first. */
  #isOpen = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #look;
  #emptyTitle = h('strong');
  #emptyHint = h('span');
  #retry = button('Try again', () => this.#load(LOOKS), { hidden: true });
  #add = button('Add files', () => this.told.add(), { class: 'button primary', hidden: true, 'data-testid': 'add-first' });
  #empty = h('div', { class: 'empty', 'data-testid': 'chat-empty' }, this.#emptyTitle, this.#emptyHint, this.#retry, this.#add);
  #list = h('ol', { class: 'turns', role: 'list', 'aria-label': 'Questions and answers', 'data-testid': 'turns' });
  #jump = button('Jump to the end', () => this.#follower.resume(), { class: 'button jump', 'data-testid': 'jump-end', hidden: true });
  /** An answer is told when it has ended, not at every word. */
  #status = h('p', { class: 'unseen', role: 'status', 'data-testid': 'answer-status' });
  #title = h('h2', { id: 'conversation-title', class: 'unseen', tabindex: -1 });
  #follower;
  /** What an empty conversation says. @type {Invitation} */
  #invitation = { title: '', hint: '', adds: false };

  /**
   * @param {import('../live-project.js').LiveProject} live
   * @param {import('../rest.js').Rest} rest
   * @param {Told} told
   * @param {AbortSignal} signal the end of the view
   */
  constructor(live, rest, told, signal) {
    this.live = live;
    this.rest = rest;
    this.told = told;
    this.box = new QuestionBox((question) => this.#ask(question), () => this.#stop());
    // Focusable, so that the keyboard can scroll it.
    const scroller = h('div', { class: 'scroller', tabindex: 0, role: 'group', 'aria-labelledby': this.#title.id }, h('div', { class: 'talk' }, this.#empty, this.#list));
    this.#follower = new Follower(scroller, () => { this.#jump.hidden = this.#follower.following; });
    this.element = h('section', { class: 'conversation', 'aria-labelledby': this.#title.id },
      this.#title, h('div', { class: 'talk-area' }, scroller, this.#jump), this.box.element, this.#status);
    // What is unfolded stays where it is.
    this.#list.addEventListener('click', ({ target }) => {
      if (target instanceof Element && target.closest('summary')) this.#follower.rest();
    });
    signal.addEventListener('abort', () => clearTimeout(this.#look));
  }

  /** The chat that is shown. */
  get chat() {
    return this.#shown?.chat ?? null;
  }

  /** @param {string} title of the chat that is shown */
  setTitle(title) {
    setText(this.#title, title);
  }

  /** Says what an empty conversation invites to. @param {Invitation} invitation */
  invite(invitation) {
    this.#invitation = invitation;
    this.#render();
  }

  /** Shows a chat. @param {number | null} chat null: one that begins with the next question */
  open(chat) {
    this.#isOpen = true;
    if (chat === null) this.#shown = null;
    else this.#shown = this.#conversations.get(chat) ?? new Conversation(chat);
    for (const [id, conversation] of this.#conversations) if (!conversation.running) this.#conversations.delete(id);
    if (this.#shown) this.#conversations.set(this.#shown.chat, this.#shown);
    this.#list.replaceChildren();
    this.#views = [];
    this.box.refuse('');
    this.#follower.resume();
    this.#render();
    return this.#load(0);
  }

  /** Takes an event of an answer. @param {number} chat @param {string} name @param {unknown} payload */
  apply(chat, name, payload) {
    const conversation = this.#conversations.get(chat);
    const change = conversation?.apply(name, payload);
    if (change && conversation === this.#shown) this.#show(change);
  }

  /** @param {boolean} isConnected whether questions can be asked */
  setConnected(isConnected) {
    this.#isConnected = isConnected;
    if (!isConnected) for (const conversation of this.#conversations.values()) conversation.lose();
    this.#render();
  }

  /** The connection is back: what was missed is read. */
  refresh() {
    return this.#load(0);
  }

  /** @param {number} looks how often an answer that was cut short has been looked for */
  async #load(looks) {
    clearTimeout(this.#look);
    const conversation = this.#shown;
    if (!conversation || conversation.running) return;
    const path = `/projects/${this.live.access.id}/chats/${conversation.chat}/messages`;
    try {
      const messages = (await this.rest.list(path, MOST_MESSAGES)).map(readMessage).filter((message) => message !== null);
      if (conversation !== this.#shown || conversation.running) return;
      const isUnsettled = conversation.replace(messages);
      if (isUnsettled && looks < LOOKS) this.#look = setTimeout(() => this.#load(looks + 1), PAUSE);
      this.#render();
    } catch (error) {
      if (conversation !== this.#shown || conversation.running) return;
      if (error instanceof RestError && error.status === 404) this.told.gone(conversation.chat);
      else if (conversation.turns.length === 0) this.#render({ title: 'What was said could not be read.', hint: error instanceof RestError ? error.message : String(error), adds: false });
    }
  }

  /** @param {string} question */
  async #ask(question) {
    if (!this.#isConnected || this.#isCreating || this.#shown?.running) return this.box.refuse('', question);
    const conversation = this.#shown ?? (await this.#create(question));
    if (!conversation) return;
    const turn = conversation.ask(question);
    this.#follower.resume();
    this.#render();
    const { ok, error, data } = await this.live.ask(conversation.chat, question);
    if (ok) {
      turn.id ??= readNumber(data?.message_id);
      return this.told.asked(conversation.chat);
    }
    if (turn.id !== null) return;
    conversation.withdraw(turn);
    this.#render();
    this.box.refuse(`This was not asked: ${sentence(error ?? 'the server refused it')}`, question);
  }

  /** Makes a chat for its first question. @param {string} question @returns {Promise<Conversation | null>} */
  async #create(question) {
    this.#isCreating = true;
    this.#render();
    try {
      const conversation = new Conversation(await this.told.created());
      this.#conversations.set(conversation.chat, conversation);
      // Somebody who has gone to another chat meanwhile stays there.
      if (this.#shown === null) this.#shown = conversation;
      return conversation;
    } catch (error) {
      this.box.refuse(error instanceof RestError ? error.message : String(error), question);
      return null;
    } finally {
      this.#isCreating = false;
      this.#render();
    }
  }

  async #stop() {
    const turn = this.#shown?.running;
    if (!this.#shown || !turn) return;
    const { ok, error } = await this.live.cancel(this.#shown.chat);
    if (!ok) this.box.refuse(`The answer could not be stopped: ${sentence(error ?? 'the server refused it')}`);
  }

  /** @param {Change} change */
  #show({ turn, token }) {
    const view = this.#views[this.#shown?.turns.indexOf(turn) ?? -1];
    if (token !== undefined && view) view.add(token);
    else this.#render();
    if (['complete', 'stopped', 'failed'].includes(turn.state)) setText(this.#status, spoken(turn));
    this.#follower.pin();
  }

  /** @returns {import('./question-box.js').BoxState} */
  #boxState() {
    if (!this.#isOpen) return 'opening';
    if (this.#shown?.running || this.#isCreating) return 'running';
    return this.#isConnected ? 'ready' : 'away';
  }

  /** @param {Invitation} [trouble] why nothing is shown */
  #render(trouble) {
    const turns = this.#shown?.turns ?? [];
    turns.forEach((turn, index) => {
      if (!this.#views[index]) {
        this.#views[index] = new TurnView((question) => this.#ask(question));
        this.#list.append(this.#views[index].element);
      }
      this.#views[index].show(turn, index === turns.length - 1);
    });
    for (const { element } of this.#views.splice(turns.length)) element.remove();
    this.#empty.hidden = turns.length > 0;
    this.#list.hidden = turns.length === 0;
    this.#retry.hidden = trouble === undefined;
    const { title, hint, adds } = trouble ?? this.#invitation;
    this.#add.hidden = !adds;
    setText(this.#emptyTitle, title);
    setText(this.#emptyHint, hint);
    this.box.set(this.#boxState());
    this.#follower.pin();
  }
}

/** @param {Turn} turn @returns {string} what is said aloud at the end of an answer */
function spoken({ state, answer, fault }) {
  if (state === 'failed') return `The answer failed. ${fault?.message ?? ''}`;
  if (state === 'stopped') return 'The answer was stopped.';
  return answer.length > READ_OUT ? `Answer: ${answer.slice(0, READ_OUT)}… More is shown.` : `Answer: ${answer}`;
}
