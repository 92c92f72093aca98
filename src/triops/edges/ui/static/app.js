/** Starts the UI: the frame, the router, the live stream. */

import { ApiError, get } from './api.js';
import { h } from './dom.js';
import { tickTimes } from './format.js';
import { Frame } from './frame.js';
import { Live } from './live.js';
import { jsonPage } from './parts/json.js';
import { failure } from './parts/failure.js';
import { fromMlflow, match } from './routes.js';
import { moving } from './state.js';
import { Visit } from './visit.js';

const POLL_MS = 15000;
const SETTLE_MS = 300; // several notices of one event become one refresh

class App {
  constructor() {
    this.frame = new Frame((path, how) => this.go(path, how));
    this.live = new Live((kind) => this.heard(kind), (on) => this.frame.connected(on));
    /** @type {import('./visit.js').Visit|null} */
    this.visit = null;
    /** @type {import('./routes.js').View|null} */
    this.view = null;
    this.shown = '';
    this.turn = 0;
    this.pending = 0;
    this.refreshing = false;
  }

  async start() {
    document.body.append(this.frame.el);
    history.scrollRestoration = 'manual';
    addEventListener('popstate', (event) => this.arrive(event.state?.y || 0));
    addEventListener('triops:login', () => this.login());
    document.addEventListener('click', (event) => this.clicked(event));
    document.addEventListener('visibilitychange', () => !document.hidden && this.heard('all'));
    setInterval(() => !document.hidden && this.poll(), POLL_MS);
    setInterval(tickTimes, 5000);
    if (!location.pathname.startsWith('/ui/login')) get('/session').then((who) => this.frame.session(who), () => {}); // a 401 leads to the login by itself
    const meant = fromMlflow(location.hash);
    if (meant) history.replaceState({ y: 0 }, '', meant);
    await this.arrive(0);
  }

  /** @param {string} path @param {{replace?: boolean}} [how] */
  go(path, { replace = false } = {}) {
    const before = location.pathname;
    if (replace) history.replaceState({ y: scrollY }, '', path);
    else {
      history.replaceState({ y: scrollY }, '');
      history.pushState({ y: 0 }, '', path);
    }
    return this.arrive(location.pathname === before ? null : 0);
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const a = /** @type {any} */ (event.target)?.closest?.('a[href]');
    if (!a || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || a.target) return;
    const to = new URL(a.href);
    if (to.origin !== location.origin || !/^\/ui(\/|$)/.test(to.pathname) || to.pathname.startsWith('/ui/static/')) return;
    event.preventDefault();
    this.go(to.pathname + to.search);
  }

  /** Shows what the address says. @param {number|null} y where to scroll to; null stays */
  async arrive(y) {
    const { load, name, params, since } = match(location.pathname);
    const query = new URLSearchParams(location.search);
    const json = query.get('format') === 'json';
    const key = `${location.pathname}|${json}`;
    this.follow(query);
    this.frame.at(name, query, since);
    if (key === this.shown && this.visit) {
      const before = new URLSearchParams(this.visit.query);
      const back = this.visit.signal.aborted; // from a page that was left before it had come: it must not come now
      if (back) this.turn++;
      this.visit.read();
      for (const q of [before, query]) q.delete('panel');
      if (!back && before.toString() === query.toString()) return;
      this.visit.again();
      await this.refresh('url');
      return;
    }
    const turn = ++this.turn;
    this.visit?.abort.abort();
    let page;
    try {
      page = (await load()).default;
    } catch (error) {
      if (turn !== this.turn) return;
      console.error(error);
      this.frame.body.replaceChildren(failure(error, () => location.reload()));
      return;
    }
    if (turn !== this.turn) return;
    this.view?.leave?.();
    this.shown = key;
    const visit = new Visit(params, (path, how) => this.go(path, how), since);
    this.visit = visit;
    visit.head = (head) => visit === this.visit && this.frame.head(head, page, json);
    this.frame.bare(Boolean(page.bare));
    this.frame.head({ title: page.title, question: page.question }, page, json);
    const root = h('div', { class: 'page' });
    this.frame.body.replaceChildren(root);
    this.view = json ? jsonPage(page).mount(visit, root) : page.mount(visit, root);
    if (y !== null) scrollTo(0, 0);
    await this.refresh('open');
    if (y) scrollTo(0, y);
  }

  /** @param {string} why */
  async refresh(why) {
    const { visit, view } = this;
    if (!visit || !view) return;
    visit.read();
    this.refreshing = true;
    try {
      await view.refresh(why);
      if (visit === this.visit) this.frame.failed(null);
    } catch (error) {
      if (/** @type {any} */ (error).name === 'AbortError' || visit !== this.visit) return;
      if (error instanceof ApiError && error.status === 401) return;
      if (!(error instanceof ApiError)) console.error(error);
      this.frame.failed(failure(error, () => this.refresh('retry')));
    } finally {
      this.refreshing = false;
      document.documentElement.dataset.ready = location.pathname;
    }
  }

  /** Something changed on the server. @param {string} kind */
  heard(kind) {
    if (!this.frame.live) return;
    clearTimeout(this.pending);
    this.pending = setTimeout(() => {
      this.frame.refresh(kind);
      this.refresh(kind);
    }, SETTLE_MS);
  }

  poll() {
    if (this.frame.live && this.visit && moving(this.visit.range) && !this.refreshing) this.refresh('poll');
  }

  /** @param {URLSearchParams} query */
  follow(query) {
    if (query.get('live') === 'off' || location.pathname.startsWith('/ui/login')) this.live.stop();
    else this.live.start();
  }

  login() {
    this.live.stop();
    if (!location.pathname.startsWith('/ui/login')) {
      const next = location.pathname + location.search;
      this.go(`/ui/login?next=${encodeURIComponent(next)}`, { replace: true });
    }
  }
}

new App().start();
