/** A project that may be used: its documents and chats at the side, and the conversation that is chosen. */

import { button, h, setText } from '../dom.js';
import { listen } from '../live.js';
import { LiveProject } from '../live-project.js';
import { readNumber } from '../project.js';
import { RestError } from '../rest.js';
import { Announcer } from './announcer.js';
import { ChatsPanel } from './chats-panel.js';
import { ConversationPanel } from './conversation-panel.js';
import { displayPanel } from './display-panel.js';
import { DocumentsPanel } from './documents-panel.js';
import { acceptDrops } from './drops.js';
import { homeLink } from './frame.js';
import { statusSigns } from './status.js';
import { reportTroubles } from './troubles.js';

/**
 * @typedef {import('../router.js').Stage} Stage
 * @typedef {import('../live.js').ConnectionState} ConnectionState
 * @typedef {{access: import('../access.js').ProjectAccess, rest: import('../rest.js').Rest, name: string}} Project
 */

/** @type {import('./troubles.js').Wording} */
const WORDING = {
  thing: 'project',
  continues: 'The chat continues by itself in a moment.',
  brokerLost: 'Progress of documents is not told just now.',
  brokerHint: 'Questions are answered as ever. The list is brought up to date by itself as soon as the service is back.',
};

/** @type {Record<string, import('./conversation-panel.js').Invitation>} */
const INVITATIONS = {
  unknown: { title: '', hint: 'Opening the project…', adds: false },
  ready: { title: 'Ask about the documents', hint: 'The answer comes with the places that it is based on.', adds: false },
  coming: { title: 'The documents are being read', hint: 'Ask as soon as they are ready.', adds: false },
  none: { title: 'Add a document first', hint: 'Text, Markdown, HTML or PDF. Then ask what it says.', adds: true },
};

export class ProjectPage {
  #signs = statusSigns(false);
  // On a phone there is room for the conversation or for what is beside it.
  #toggle = button('', () => this.#showSide(!this.#page.hasAttribute('data-side')), { class: 'button side-toggle', 'data-testid': 'side-toggle' });
  #page = h('div', { class: 'chat', 'data-testid': 'chat' });

  /** @param {Stage} stage @param {Project} project @param {AbortSignal} signal the end of the view */
  constructor(stage, project, signal) {
    this.stage = stage;
    this.project = project;
    this.signal = signal;
    const { access, rest } = project;
    const announcer = new Announcer(signal, 'in this project');
    this.live = new LiveProject(access);
    this.documents = new DocumentsPanel(rest, access.id, announcer, () => this.#sum(), signal);
    this.chats = new ChatsPanel(rest, access.id, (chat) => this.#open(chat, true));
    this.talk = new ConversationPanel(this.live, rest, this, signal);
    this.#page.append(h('div', { class: 'side' }, this.documents.element, this.chats.element), this.talk.element, announcer.element);
    signal.addEventListener('abort', () => this.live.close());
  }

  /** Shows it. @param {number | null} chat the one that the address asks for */
  async show(chat) {
    const { stage } = this;
    const display = displayPanel(stage.preferences);
    const title = h('h1', { tabindex: -1 }, this.project.name);
    stage.header.replaceChildren(h('div', { class: 'topbar' }, homeLink(), title, this.#signs.element, display.opener, display.panel), this.#toggle);
    stage.main.replaceChildren(this.#page);
    acceptDrops(this.#page, (files) => this.documents.add(files), this.signal);
    this.#sum();
    this.#listen();
    this.live.open();
    await this.#refresh();
    if (!this.signal.aborted) this.#open(chat ?? this.chats.last, false);
  }

  /** Makes a chat for its first question. @returns {Promise<number>} its id */
  async created() {
    const chat = await this.chats.create();
    // Somebody who has gone to another chat meanwhile stays there.
    if (this.talk.chat === null) this.#name(chat, true);
    return chat;
  }

  /** A question was stored: the first one names its chat. @param {number} chat */
  async asked(chat) {
    await this.chats.refreshOne(chat);
    if (this.talk.chat === chat) this.#name(chat, false);
  }

  /** There is no such chat. @param {number} chat */
  gone(chat) {
    this.chats.update('chat_deleted', { chat_id: chat });
    this.#open(this.chats.last, false);
  }

  /** Lets the reader add documents. */
  add() {
    this.documents.choose();
  }

  /** @param {number | null} chat null: one that begins with the next question @param {boolean} isChosen by the reader just now */
  #open(chat, isChosen) {
    this.#name(chat, isChosen && chat !== this.talk.chat);
    this.#showSide(false);
    this.stage.notices.clear('gone');
    this.talk.open(chat);
    if (isChosen) this.talk.box.focus();
  }

  /** Says everywhere which chat is shown. @param {number | null} chat @param {boolean} isNew whether the way back leads to the one before */
  #name(chat, isNew) {
    const { access, name } = this.project;
    const query = new URLSearchParams([['project', String(access.id)], ...(chat === null ? [] : [['chat', String(chat)]])]);
    this.stage.router.moved(`?${query}`, isNew);
    this.chats.setCurrent(chat);
    this.talk.setTitle(this.chats.title(chat));
    document.title = `${this.chats.title(chat)} · ${name}`;
  }

  /** @param {boolean} isShown */
  #showSide(isShown) {
    this.#page.toggleAttribute('data-side', isShown);
    this.#sum();
  }

  #sum() {
    const isSide = this.#page.hasAttribute('data-side');
    setText(this.#toggle, isSide ? 'Back to the chat' : `Documents (${this.documents.documents.byId.size}) and chats`);
    this.talk.invite(INVITATIONS[this.documents.readiness]);
  }

  /** Reads all that may have been missed. */
  async #refresh() {
    const { notices } = this.stage;
    try {
      await Promise.all([this.documents.refresh(), this.chats.refresh(), this.talk.refresh()]);
      if (!this.signal.aborted) notices.clear('stale');
    } catch (error) {
      if (this.signal.aborted) return;
      const hint = error instanceof RestError ? error.message : String(error);
      notices.show('stale', { tone: 'warning', title: 'The lists could not be read.', hint, actions: [{ label: 'Try again', press: () => this.#refresh() }] });
    }
  }

  #listen() {
    const { live, documents, chats, talk, stage } = this;
    listen(live, 'connection', (/** @type {ConnectionState} */ state) => {
      this.#signs.setConnection(state);
      talk.setConnected(state.phase === 'connected');
    });
    let wasLost = false;
    listen(live, 'broker', (/** @type {import('../live.js').BrokerState} */ state) => {
      if (wasLost && state === 'ok') this.#refresh();
      wasLost = state === 'ko';
    });
    listen(live, 'joined', (/** @type {import('../live-project.js').Joined} */ joined) => this.#joined(joined));
    listen(live, 'answer', ({ chat, name, payload }) => talk.apply(chat, name, payload));
    listen(live, 'document', (/** @type {Record<string, unknown>} */ status) => documents.apply(status));
    listen(live, 'update', ({ type, data }) => {
      documents.update(type, data);
      chats.update(type, data);
      if (type !== 'chat_deleted' || readNumber(data.chat_id) !== talk.chat) return;
      stage.notices.show('gone', { tone: 'info', title: 'Somebody has deleted this chat.', hint: 'Choose another one, or begin a new one.' });
    });
    reportTroubles(live, stage.notices, WORDING, (isRefused) => {
      if (isRefused) live.access.forget();
      stage.router.show(true);
    });
  }

  /** @param {import('../live-project.js').Joined} joined */
  #joined({ ok, error, lasting }) {
    const { notices, router } = this.stage;
    if (ok) {
      notices.clear('room');
      this.#refresh();
    } else if (lasting) router.show(true);
    else notices.show('room', { tone: 'warning', title: 'The project cannot be followed just now.', hint: `Trying again by itself. The server says: ${error ?? 'no'}.` });
  }
}
