/**
 * A session's captions as they arrive. A caption carries no room, so each channel has a socket of its own:
 * that is what tells the channels apart.
 *
 * Events besides those of Live: `caption` ({channel, name, payload}), `room` ({channel, ok, error}).
 */

import { Live } from './live.js';

const CAPTION_EVENTS = new Set(['partial', 'final', 'translation']);

export class LiveSession extends Live {
  /** @param {import('./access.js').Access} access */
  constructor(access) {
    super(access);
    this.access = access;
  }

  open() {
    for (const { index } of this.access.channels) this.#openChannel(index);
  }

  /** @param {string} channel */
  #openChannel(channel) {
    const socket = this.makeSocket(
      (name, [payload]) => CAPTION_EVENTS.has(name) && this.tell('caption', { channel, name, payload }),
      ({ ok, error }) => this.tell('room', { channel, ok, error }),
    );
    socket.watch('join_room', `${this.access.id}/${channel}`);
    socket.open();
  }
}
