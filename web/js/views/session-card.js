/** One session on the dashboard: whether it is live, its channels, and the way to its captions. */

import { MOST_CHANNELS } from '../access.js';
import { h, setText } from '../dom.js';
import { languageName } from '../format.js';

/** @typedef {import('../sessions.js').SessionState} SessionState */

/** Names for ids, which may hold what an attribute's list of ids may not. */
let cards = 0;

export class SessionCard {
  #title = h('span', { class: 'card-title', dir: 'auto' });
  #link;
  #sign = h('span', { class: 'live-sign', id: `live-${++cards}` });
  #channels;

  /** @param {SessionState} session @param {string} organization */
  constructor(session, organization) {
    this.session = session;
    this.organization = organization;
    this.#link = h('a', { class: 'card', 'data-route': true, 'aria-describedby': this.#sign.id }, this.#title);
    this.#channels = h('ul', { class: 'channel-list', role: 'list' });
    this.element = h('li', { 'data-testid': 'session', 'data-session': session.id },
      h('div', { class: 'card-head' }, this.#link, this.#sign), this.#channels);
    this.show(session);
  }

  /** @param {SessionState} session */
  show(session) {
    this.session = session;
    setText(this.#title, session.name);
    this.#link.href = captionsAddress(session, this.organization);
    this.#setSign(session.live ? 'live' : 'waiting');
    this.#channels.setAttribute('aria-label', `Channels of ${session.name}`);
    // Its channels change seldom; the list has nothing that could have the focus.
    this.#channels.replaceChildren(...session.channels.map(channelEntry));
  }

  /** The session is over; its card goes soon, and keeps its height until then. */
  end() {
    const channels = this.session.channels.map((channel) => ({ ...channel, streaming: false }));
    this.show({ ...this.session, live: false, channels });
    this.#setSign('ended');
  }

  /** @param {'live' | 'waiting' | 'ended'} state */
  #setSign(state) {
    this.element.dataset.state = state;
    setText(this.#sign, { live: 'Live', waiting: 'Waiting', ended: 'Ended' }[state]);
  }
}

/** @param {SessionState} session @param {string} organization @returns {string} */
function captionsAddress({ id, channels }, organization) {
  const rooms = channels.slice(0, MOST_CHANNELS).map(({ index }) => ['channel', index]);
  return `?${new URLSearchParams([['session', id], ...rooms, ['organization', organization]])}`;
}

/** @param {import('../sessions.js').SessionChannel} channel @returns {HTMLElement} */
function channelEntry({ index, name, streaming, languages }) {
  const spoken = languages.map(languageName).join(', ');
  return h('li', { 'data-channel': index, 'data-state': streaming ? 'streaming' : 'waiting' },
    h('span', { class: 'channel-name', dir: 'auto' }, name),
    spoken && spoken !== name ? h('span', { class: 'channel-languages' }, spoken) : null,
    h('span', { class: 'channel-state' }, streaming ? 'Streaming' : 'Waiting'));
}
