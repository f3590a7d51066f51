/**
 * An organization's sessions and uploads as they change, over one socket.
 *
 * Events besides those of Live: `sessions` ({change, picture}: SessionsChange, and whether it comes from a whole picture),
 * `media` (Upload[]), `fault` ({what, error}: what cannot be watched just now; an `error` of null ends it).
 */

import { Live } from './live.js';
import { Media } from './media.js';
import { Sessions } from './sessions.js';

/** @typedef {'sessions' | 'media'} Watched */

/** @type {Record<string, Watched>} */
const WATCHES = { watch_organization_session: 'sessions', watch_organization_media: 'media' };

/** Pause before a watch that failed is sent again, in ms. */
const RETRY = 5000;

/** Faults that asking again does not mend, by the start of their codes. */
const LASTING = /^(INVALID|UNKNOWN)/;

export class LiveOrganization extends Live {
  sessions = new Sessions();
  media = new Media();
  /** @type {import('./socket.js').Socket | null} */
  #socket = null;
  /** @type {Map<string, ReturnType<typeof setTimeout>>} by watch */
  #retries = new Map();

  /** @param {import('./access.js').OrganizationAccess} access */
  constructor(access) {
    super(access);
    this.access = access;
  }

  open() {
    const { id } = this.access;
    const update = `orga_${id}_session_update`;
    const socket = this.makeSocket((name, [payload]) => {
      if (name === update) this.tell('sessions', { change: this.sessions.apply(payload), picture: false });
      else this.#tellMedia(this.media.apply(name, payload));
    }, (answer) => this.#answered(answer));
    this.#socket = socket;
    for (const name of Object.keys(WATCHES)) socket.watch(name, id);
    socket.addEventListener('state', () => this.media.begin());
    socket.open();
  }

  close() {
    super.close();
    for (const retry of this.#retries.values()) clearTimeout(retry);
  }

  /** @param {import('./socket.js').WatchAnswer} answer */
  #answered({ name, ok, error, data }) {
    clearTimeout(this.#retries.get(name));
    this.tell('fault', { what: WATCHES[name], error: ok ? null : (error ?? 'refused') });
    if (!ok && !LASTING.test(String(data?.code ?? ''))) {
      this.#retries.set(name, setTimeout(() => this.#socket?.watchAgain(name), RETRY));
    }
    if (ok && name === 'watch_organization_session') {
      this.tell('sessions', { change: this.sessions.replace(data?.sessions), picture: true });
    }
    // Nothing at all may be in processing, of which no event would tell.
    if (ok && name === 'watch_organization_media') this.tell('media', []);
  }

  /** @param {import('./media.js').Upload[]} changed */
  #tellMedia(changed) {
    if (changed.length > 0) this.tell('media', changed);
  }
}
