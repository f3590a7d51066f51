/** The dashboard's sessions as cards. Nobody changes places: what is new comes last, what ends stays for a moment. */

import { button, h, setText } from '../dom.js';
import { MOST_SESSIONS } from '../sessions.js';
import { Linger } from './linger.js';
import { SessionCard } from './session-card.js';

/**
 * @typedef {import('../sessions.js').Sessions} Sessions
 * @typedef {import('../sessions.js').SessionState} SessionState
 * @typedef {import('../sessions.js').SessionsChange} SessionsChange
 */

/** From this many sessions on, they can be searched. */
const MANY = 9;

export class SessionsPanel {
  /** @type {Map<string, SessionCard>} by session id, those that are ending included */
  #cards = new Map();
  #known = false;
  #stale = true;
  #count = h('span', { class: 'panel-count', 'data-testid': 'live-count' });
  #search = h('input', { id: 'session-search', type: 'search', placeholder: 'Find a session', 'aria-label': 'Find a session', autocomplete: 'off', spellcheck: 'false', 'data-testid': 'session-search' });
  #onlyLive = button('Live only', () => this.#toggleLive(), { class: 'button chip', 'aria-pressed': 'false', 'data-testid': 'live-only' });
  #tools = h('div', { class: 'panel-tools', hidden: true }, this.#search, this.#onlyLive);
  #empty = h('p', { class: 'panel-empty', 'data-testid': 'sessions-empty' }, 'Waiting for the server…');
  #note = h('p', { class: 'hint', hidden: true });
  #list = h('ul', { class: 'cards', role: 'list', 'data-testid': 'sessions' });
  title = h('h2', { id: 'sessions-title' }, 'Sessions ', this.#count);
  element = h('section', { class: 'panel-area', 'aria-labelledby': this.title.id },
    h('div', { class: 'panel-head' }, this.title, this.#tools),
    this.#list, this.#empty, this.#note);

  /**
   * @param {Sessions} sessions
   * @param {string} organization
   * @param {import('./announcer.js').Announcer} announcer
   * @param {AbortSignal} signal
   */
  constructor(sessions, organization, announcer, signal) {
    this.sessions = sessions;
    this.organization = organization;
    this.announcer = announcer;
    this.linger = new Linger(this.#list, signal);
    this.#search.addEventListener('input', () => this.#filter());
  }

  /** Shows what changed. @param {SessionsChange} change @param {boolean} picture whether it comes from a whole picture */
  apply({ added, updated, removed }, picture) {
    const first = !this.#known;
    this.#known = true;
    for (const session of removed) this.#end(session);
    for (const session of updated) this.#update(session, !picture);
    for (const session of added) this.#add(session, !picture);
    if (first && added.length > 0) this.announcer.say('sessions', `${countText(this.sessions)}.`);
    this.#sum();
  }

  /** Says why there is nothing to show, if there is nothing. @param {string} reason */
  explain(reason) {
    if (this.#cards.size === 0) setText(this.#empty, reason);
  }

  /** @param {boolean} stale whether what is shown is only what was last heard */
  setStale(stale) {
    this.#stale = stale;
    this.#sum();
  }

  /** @param {SessionState} session @param {boolean} news */
  #add(session, news) {
    if (this.#cards.has(session.id)) return this.#update(session, news);
    const card = new SessionCard(session, this.organization);
    card.element.hidden = !this.#matches(card);
    this.#cards.set(session.id, card);
    this.#list.append(card.element);
    if (news && session.live) this.#announce(session, 'is live');
  }

  /** @param {SessionState} session @param {boolean} news */
  #update(session, news) {
    const card = this.#cards.get(session.id);
    if (!card) return;
    this.linger.stop(session.id);
    const was = card.element.dataset.state === 'live';
    card.show(session);
    if (card.element.hidden && this.#matches(card)) {
      // It comes last: in its old place it would push others aside.
      card.element.hidden = false;
      this.#list.append(card.element);
    }
    if (news && was !== session.live) this.#announce(session, session.live ? 'is live' : 'is waiting');
  }

  /** @param {SessionState} session */
  #end(session) {
    const card = this.#cards.get(session.id);
    if (!card) return;
    card.end();
    this.#announce(session, 'has ended');
    const go = () => {
      card.element.remove();
      this.#cards.delete(session.id);
      this.#sum();
    };
    if (card.element.hidden) go();
    else this.linger.later(session.id, go);
  }

  /** @param {SessionState} session @param {string} what */
  #announce({ id, name }, what) {
    this.announcer.say(`session ${id}`, `${name} ${what}.`);
  }

  #toggleLive() {
    this.#onlyLive.setAttribute('aria-pressed', String(this.#onlyLive.getAttribute('aria-pressed') !== 'true'));
    this.#filter();
  }

  /** Shows what the reader looks for; only a reader's own choice hides anything. */
  #filter() {
    for (const card of this.#cards.values()) card.element.hidden = !this.#matches(card);
    this.#sum();
  }

  /** @param {SessionCard} card @returns {boolean} */
  #matches({ session }) {
    const wanted = this.#search.value.trim().toLocaleLowerCase();
    const found = `${session.name}\n${session.id}`.toLocaleLowerCase().includes(wanted);
    return found && (session.live || this.#onlyLive.getAttribute('aria-pressed') !== 'true');
  }

  #sum() {
    const { byId, left } = this.sessions;
    setText(this.#count, byId.size === 0 ? '' : `${countText(this.sessions)}${this.#stale ? ', last known' : ''}`);
    // A field in use does not go away.
    if (byId.size >= MANY) this.#tools.hidden = false;
    const shown = [...this.#cards.values()].filter(({ element }) => !element.hidden).length;
    this.#empty.hidden = shown > 0;
    if (this.#known) setText(this.#empty, byId.size > 0 ? 'No session like this.' : 'No session at the moment. One appears here as soon as it is opened.');
    this.#note.hidden = left === 0;
    setText(this.#note, `Only ${MOST_SESSIONS} sessions are shown; ${left} more are not.`);
  }
}

/** @param {Sessions} sessions @returns {string} */
function countText({ live, byId }) {
  return `${live} live of ${byId.size}`;
}
