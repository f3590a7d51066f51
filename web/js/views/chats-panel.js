/** The project's chats, the latest first, and the way to begin a new one. */

import { button, h, setText } from '../dom.js';
import { Listing } from '../listing.js';
import { readChat, readNumber } from '../project.js';

/** @typedef {import('../project.js').Chat} Chat */

/** More chats are not shown. */
const MOST_CHATS = 500;

export class ChatsPanel {
  /** @type {Listing<Chat>} */
  chats = new Listing((one) => one);
  /** @type {number | null} */
  #current = null;
  #new = button('New chat', () => this.choose(null), { class: 'button small', 'data-testid': 'new-chat' });
  #list = h('ul', { class: 'chat-list', role: 'list', 'data-testid': 'chats' });
  element = h('nav', { class: 'chats', 'aria-labelledby': 'chats-title' },
    h('div', { class: 'side-head' }, h('h2', { id: 'chats-title' }, 'Chats'), this.#new), this.#list);

  /**
   * @param {import('../rest.js').Rest} rest
   * @param {number} project
   * @param {(chat: number | null) => void} choose shows a chat; null: one that begins with the next question
   */
  constructor(rest, project, choose) {
    this.rest = rest;
    this.project = project;
    this.choose = choose;
  }

  /** The chat in which something was said last. @returns {number | null} */
  get last() {
    const latest = (/** @type {Chat | null} */ one, /** @type {Chat} */ other) => (one && one.updatedAt >= other.updatedAt ? one : other);
    return [...this.chats.byId.values()].reduce(latest, null)?.id ?? null;
  }

  /** @param {number | null} chat @returns {string} what it is called */
  title(chat) {
    return this.chats.byId.get(chat ?? 0)?.title || 'New chat';
  }

  /** @param {number | null} chat the one that is shown */
  setCurrent(chat) {
    this.#current = chat;
    this.#render();
  }

  /** Reads the list anew; rejects with a RestError. */
  async refresh() {
    const path = `/projects/${this.project}/chats`;
    await this.chats.refresh(async () => (await this.rest.list(path, MOST_CHATS)).map(readChat));
    this.#render();
  }

  /** Reads one anew: its first question gives it a title. @param {number} id */
  async refreshOne(id) {
    if (this.chats.byId.get(id)?.title) return;
    this.#put(await this.rest.call(`/projects/${this.project}/chats/${id}`).catch(() => null));
  }

  /** Makes a chat. @returns {Promise<number>} its id; rejects with a RestError */
  async create() {
    const chat = this.#put(await this.rest.call(`/projects/${this.project}/chats`, { method: 'POST', body: {} }));
    if (chat === null) throw new Error('The server’s answer could not be read.');
    return chat.id;
  }

  /** Takes a `project_update` about chats. @param {unknown} type @param {Record<string, unknown>} data */
  update(type, data) {
    const id = readNumber(data.chat_id);
    if (id === null) return;
    if (type === 'chat_deleted') this.chats.delete(id);
    // Whoever made it knows more of it.
    else if (type === 'chat_created' && !this.chats.byId.has(id)) this.#put({ id, title: data.title });
    this.#render();
  }

  /** @param {unknown} value @returns {Chat | null} */
  #put(value) {
    const chat = readChat(value);
    if (chat) this.chats.put(chat);
    this.#render();
    return chat;
  }

  #render() {
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.chat : undefined;
    const chats = [...this.chats.byId.values()].sort((one, other) => other.id - one.id);
    this.#list.replaceChildren(...chats.map((chat) => this.#entry(chat)));
    // The list is made anew under the reader's focus.
    if (focused !== undefined) this.#focus(Number(focused));
    this.#new.setAttribute('aria-disabled', String(this.#current === null));
  }

  /** @param {number} chat */
  #focus(chat) {
    const link = [...this.#list.querySelectorAll('a')].find(({ dataset }) => Number(dataset.chat) === chat);
    link?.focus();
  }

  /** @param {Chat} chat @returns {HTMLElement} */
  #entry({ id }) {
    const href = `?${new URLSearchParams({ project: String(this.project), chat: String(id) })}`;
    const link = h('a', { class: 'chat-link', href, dir: 'auto', 'data-testid': 'chat-link', 'data-chat': id, 'aria-current': id === this.#current ? 'page' : null });
    setText(link, this.title(id));
    link.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      this.choose(id);
    });
    return h('li', {}, link);
  }
}
