/** Keeps a scroller at its end while new text comes, unless the reader scrolled up. */

/** So close to the end (px) a reader still counts as following. */
const NEAR_END = 24;

export class Follower {
  following = true;
  /** Whether the next frame goes to the end. */
  #pinned = false;
  /** Where the scroller was last seen, in px from the top. */
  #top = 0;

  /**
   * @param {HTMLElement} scroller
   * @param {() => void} changed told when `following` changed
   */
  constructor(scroller, changed) {
    this.scroller = scroller;
    this.changed = changed;
    scroller.toggleAttribute('data-following', true);
    scroller.addEventListener('scroll', () => this.#look(), { passive: true });
    // Larger text, a turned phone or a hidden neighbour move the end away without a scroll of the reader's.
    const observer = new ResizeObserver(() => this.pin());
    observer.observe(scroller);
    for (const child of scroller.children) observer.observe(child);
  }

  /** Text was added: go to the end before the next paint, if following. Many calls in one frame are one layout. */
  pin() {
    if (!this.following || this.#pinned) return;
    this.#pinned = true;
    requestAnimationFrame(() => {
      this.#pinned = false;
      if (!this.following) return;
      this.scroller.scrollTop = this.scroller.scrollHeight;
      // Old lines leave at the top: the end may now be above where it was.
      this.#top = this.scroller.scrollTop;
    });
  }

  /** The reader unfolds something: it stays where it is, and the end is followed again when it is in sight. */
  rest() {
    this.#set(false);
    requestAnimationFrame(() => this.#look());
  }

  /** Goes to the end and follows again. */
  resume() {
    this.#set(true);
    this.pin();
  }

  #look() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    const nearEnd = scrollHeight - clientHeight - scrollTop <= NEAR_END;
    // New text moves the end away without moving the reader: only a way up is the reader's own.
    if (nearEnd || scrollTop < this.#top) this.#set(nearEnd);
    this.#top = scrollTop;
  }

  /** @param {boolean} following */
  #set(following) {
    if (this.following === following) return;
    this.following = following;
    // The style sheet turns scroll anchoring off meanwhile: it would look like a reader's way up.
    this.scroller.toggleAttribute('data-following', following);
    this.changed();
  }
}
