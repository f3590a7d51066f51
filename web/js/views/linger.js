/**
 * Puts off what would move things under a reader's eyes: an entry that goes away or elsewhere keeps its place for a
 * while, and for as long as the reader points at it or its neighbours or has the focus among them.
 */

/** The shortest stay, in ms. */
const STAY = 4000;

/** The pause before a reader who is still there is looked for again, in ms. */
const AGAIN = 1000;

/** A pointer that was left lying somewhere holds nothing up for longer than this, in ms. */
const LONGEST = 60000;

export class Linger {
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #timers = new Map();

  /**
   * @param {HTMLElement} place where the entries are
   * @param {AbortSignal} signal the end of the view
   */
  constructor(place, signal) {
    this.place = place;
    signal.addEventListener('abort', () => {
      for (const timer of this.#timers.values()) clearTimeout(timer);
    });
  }

  /** @param {string} entry @param {() => void} go what moves it; a later call for the same entry replaces it */
  later(entry, go) {
    this.stop(entry);
    const latest = Date.now() + LONGEST;
    const look = () => {
      if (this.#isBusy() && Date.now() < latest) return void this.#timers.set(entry, setTimeout(look, AGAIN));
      this.#timers.delete(entry);
      go();
    };
    this.#timers.set(entry, setTimeout(look, STAY));
  }

  /** @param {string} entry stays after all */
  stop(entry) {
    clearTimeout(this.#timers.get(entry));
    this.#timers.delete(entry);
  }

  #isBusy() {
    // A finger leaves its `:hover` behind.
    const pointed = matchMedia('(hover: hover)').matches && this.place.matches(':hover');
    return pointed || this.place.contains(document.activeElement);
  }
}
