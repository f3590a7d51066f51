/**
 * Chooses the view by the address's query, so that every view can be linked to and the server needs one page only.
 * A view is a function; what it starts it ends when its signal aborts. A further view is one more route.
 */

/**
 * @typedef {{header: HTMLElement, main: HTMLElement, notices: import('./views/notices.js').Notices,
 *   preferences: import('./preferences.js').Preferences, router: Router}} Stage what every view works on
 * @typedef {(stage: Stage, query: URLSearchParams, signal: AbortSignal) => void | Promise<void>} View
 * @typedef {{matches: (query: URLSearchParams) => boolean, view: View}} Route
 */

export class Router {
  #leave = new AbortController();
  /** The query of the view that is shown. */
  #shown = '';

  /**
   * @param {Route[]} routes the first that matches is shown
   * @param {Omit<Stage, 'router'>} stage
   */
  constructor(routes, stage) {
    this.routes = routes;
    /** @type {Stage} */
    this.stage = { ...stage, router: this };
  }

  /** Shows the present address and follows links and the history. Call once. */
  start() {
    // A way to another place within the view, such as the skip link's, is none to another view.
    window.addEventListener('popstate', () => location.search !== this.#shown && this.show());
    document.addEventListener('click', (event) => this.#click(event));
    this.show();
  }

  /** @param {string} href relative to the page, e.g. `?session=S` */
  navigate(href) {
    history.pushState(null, '', href);
    this.show(true);
  }

  /**
   * Takes note that the view itself shows another part of its own now, without showing it anew.
   *
   * @param {string} href as of `navigate`
   * @param {boolean} [isNew] whether the way back leads to what was shown before
   */
  moved(href, isNew = false) {
    if (isNew) history.pushState(null, '', href);
    else history.replaceState(null, '', href);
    this.#shown = location.search;
  }

  /**
   * Shows the present address anew.
   *
   * @param {boolean} [focus] whether the focus goes to the new view's heading: it was on what is now gone
   */
  async show(focus = false) {
    this.#leave.abort();
    this.#leave = new AbortController();
    const { header, main, notices } = this.stage;
    header.replaceChildren();
    main.replaceChildren();
    notices.clearAll();
    this.#shown = location.search;
    const query = new URLSearchParams(this.#shown);
    const route = this.routes.find(({ matches }) => matches(query));
    const { signal } = this.#leave;
    await route?.view(this.stage, query, signal);
    if (focus && !signal.aborted) document.querySelector('h1')?.focus();
  }

  /** Links marked `data-route` change the view without a page load. @param {MouseEvent} event */
  #click(event) {
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    const link = event.target instanceof Element ? event.target.closest('a[data-route]') : null;
    if (!plain || event.defaultPrevented || !(link instanceof HTMLAnchorElement)) return;
    event.preventDefault();
    this.navigate(link.href);
  }
}
