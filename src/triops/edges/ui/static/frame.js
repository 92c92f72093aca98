/** What stands around every page: navigation, top bar, page head, side panel. */

import { get, remove } from './api.js';
import { h } from './dom.js';
import { icon } from './icons.js';
import { BAR, FOOT, JUMPS, NAV } from './navigation.js';
import { rangePicker } from './parts/range.js';
import { palette } from './parts/palette.js';
import { SidePanel } from './parts/panel.js';
import { keep, kept, link, rangeOf } from './state.js';

export class Frame {
  /** @param {(path: string, how?: {replace?: boolean}) => void} go */
  constructor(go) {
    this.go = go;
    this.live = true;
    this.links = new Map();
    this.body = h('div', { class: 'body' });
    this.headEl = h('header', { class: 'head' });
    this.failEl = h('div', { role: 'alert' });
    this.picker = rangePicker((range) => this.setQuery({ from: range.from, to: range.to === 'now' ? null : range.to }));
    this.liveButton = h('button', { class: 'ghost live', type: 'button', on: { click: () => this.setQuery({ live: this.live ? 'off' : null }) } }, h('span', { class: 'pulse' }), h('span', { class: 'label' }, 'Live'));
    this.themeButton = h('button', { class: 'ghost square', type: 'button', on: { click: () => this.flip() } });
    this.outButton = h('button', { class: 'ghost square', type: 'button', hidden: true, title: 'Log out', 'aria-label': 'Log out', on: { click: () => remove('/session').finally(() => location.assign('/ui/login')) } }, icon('out'));
    this.project = h('span', { class: 'project' });
    this.brand = h('a', { class: 'brand', href: '/ui', title: 'Triops' }, mark(), h('span', { class: 'label' }, 'Triops'));
    this.nav = this.drawNav();
    this.panel = new SidePanel(() => this.setQuery({ panel: null }), (path, how) => go(path, how));
    this.search = palette((path) => go(path));
    this.top = h('div', { class: 'top', role: 'banner' }, this.project, this.search.el, h('div', { class: 'top-tools' }, this.picker.el, this.liveButton, this.themeButton, this.outButton));
    this.main = h('main', { id: 'main', tabindex: '-1' }, this.headEl, this.failEl, this.body);
    this.el = h('div', { class: ['frame', kept('nav') === 'folded' && 'folded'] },
      h('a', { class: 'skip', href: '#main', on: { click: (/** @type {Event} */ e) => { e.preventDefault(); this.main.focus(); } } }, 'Skip to the page'),
      this.nav, this.top, this.main, this.panel.el, this.drawBar(), h('div', { id: 'said', class: 'unseen', role: 'status', 'aria-live': 'polite' }));
    this.themed();
    this.keys();
  }

  /** @param {any[]} entry */
  item([name, title, path]) {
    const badge = h('span', { class: 'badge', hidden: true });
    const a = h('a', { href: path, title }, icon(name), h('span', { class: 'label' }, title), badge);
    this.links.set(a, { name, path, badge });
    return a;
  }

  drawNav() {
    const group = (/** @type {any[]} */ e) => (e[0] === null ? h('div', { class: 'group' }, h('i', { class: ['lens', e[2]] }), h('span', { class: 'label' }, e[1])) : this.item(e));
    return h('nav', { class: 'nav', 'aria-label': 'Pages' },
      this.brand,
      NAV.map(group), h('div', { class: 'grow' }), FOOT.map((e) => this.item(e)),
      h('button', { class: 'fold', type: 'button', title: 'Fold or unfold the navigation', on: { click: () => this.fold() } }, icon('fold'), h('span', { class: 'label' }, 'Fold')));
  }

  drawBar() {
    const more = h('div', { class: 'more-sheet', hidden: true, on: { click: () => toggle(false) } },
      [...NAV, ...FOOT].filter(([name]) => name && !BAR.includes(name)).map((e) => this.item(e)));
    const button = h('button', { type: 'button', 'aria-expanded': 'false', on: { click: () => toggle(more.hidden) } }, icon('more'), h('span', { class: 'label' }, 'More'));
    const toggle = (/** @type {boolean} */ open) => {
      more.hidden = !open;
      button.setAttribute('aria-expanded', String(open));
    };
    return h('nav', { class: 'bar', 'aria-label': 'Pages, short' }, more, NAV.filter(([name]) => name && BAR.includes(name)).map((e) => this.item(e)), button);
  }

  /** Where we are now. @param {string} name @param {URLSearchParams} query @param {string} [since] */
  at(name, query, since) {
    for (const [a, entry] of this.links) {
      a.href = link(entry.path);
      if (entry.name === name) a.setAttribute('aria-current', 'page');
      else a.removeAttribute('aria-current');
    }
    this.brand.href = link('/ui');
    this.live = query.get('live') !== 'off';
    this.liveButton.setAttribute('aria-pressed', String(this.live));
    this.liveButton.title = this.live ? 'Live: pages follow what happens. Click to hold still.' : 'Held still. Click to follow live.';
    this.picker.set(rangeOf(query, since));
    this.panel.show(query.get('panel'));
    if (!this.counted) this.refresh('all');
    this.counted = true;
  }

  /** @param {{title: any, question?: any, tools?: any}} head @param {import('./routes.js').Page} page @param {boolean} json */
  head({ title, question, tools }, page, json) {
    const flat = typeof title === 'string' ? title : title.textContent;
    document.title = `${flat} · Triops`;
    this.picker.el.classList.toggle('unused', Boolean(page.timeless));
    const text = h('div', { class: 'head-text' }, h('h1', null, title), h('p', { class: 'question' }, question ?? page.question));
    const asJson = h('button', { class: ['ghost', json && 'on'], type: 'button', title: 'The same as an API call and its JSON', 'aria-pressed': String(json), on: { click: () => this.setQuery({ format: json ? null : 'json' }) } }, icon('code', 16), h('span', { class: 'label' }, 'JSON'));
    this.headEl.replaceChildren(text, h('div', { class: 'head-tools' }, tools || null, asJson));
  }

  /** @param {Node|null} what */
  failed(what) {
    this.failEl.replaceChildren(...(what ? [what] : []));
  }

  /** @param {boolean} on */
  bare(on) {
    this.el.classList.toggle('bare', on);
  }

  /** @param {boolean} on */
  connected(on) {
    this.liveButton.classList.toggle('on', on);
  }

  /** @param {{project?: string, role?: string, name?: string}} session */
  session({ project, role, name }) {
    this.outButton.hidden = !name || name === 'local'; // an open server has no session to end
    this.project.replaceChildren(project || 'default');
    this.project.title = `Project ${project || 'default'}${role ? `, you are ${name ? name + ', ' : ''}${role}` : ''}`;
  }

  /** @param {string} kind */
  async refresh(kind) {
    this.panel.refresh();
    if (!['all', 'incident'].includes(kind) || location.pathname.startsWith('/ui/login')) return;
    try {
      const { items, next } = await get('/incidents', { status: 'active', limit: 100 });
      for (const { name, badge } of this.links.values()) {
        if (name !== 'incidents') continue;
        badge.hidden = !items.length;
        badge.textContent = next ? '99+' : String(items.length);
        badge.classList.toggle('critical', items.some((/** @type {any} */ i) => i.severity === 'critical'));
        badge.title = `${items.length} active`;
      }
    } catch {
      // The page itself says when the server cannot be reached.
    }
  }

  /** @param {Record<string, string|null>} patch */
  setQuery(patch) {
    const query = new URLSearchParams(location.search);
    for (const [key, value] of Object.entries(patch)) value === null ? query.delete(key) : query.set(key, value);
    const tail = query.toString();
    this.go(location.pathname + (tail ? '?' + tail : ''));
  }

  fold() {
    keep('nav', this.el.classList.toggle('folded') ? 'folded' : 'open');
    dispatchEvent(new Event('resize'));
  }

  flip() {
    const root = document.documentElement;
    root.dataset.theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
    keep('theme', root.dataset.theme);
    this.themed();
    dispatchEvent(new CustomEvent('triops:theme'));
    if (new URLSearchParams(location.search).has('theme')) this.setQuery({ theme: null });
  }

  themed() {
    const dark = document.documentElement.dataset.theme === 'dark';
    this.themeButton.replaceChildren(icon(dark ? 'sun' : 'moon'));
    this.themeButton.title = dark ? 'Light theme' : 'Dark theme';
    this.themeButton.setAttribute('aria-label', this.themeButton.title);
  }

  keys() {
    let jump = 0;
    document.addEventListener('keydown', (event) => {
      const typing = /** @type {any} */ (event.target).closest?.('input,textarea,select,[contenteditable]');
      if (event.key === 'Escape' && !typing && !event.defaultPrevented && this.panel.open) return this.setQuery({ panel: null });
      if (typing || event.metaKey || event.ctrlKey || event.altKey) return;
      if (event.key === '/') {
        event.preventDefault();
        this.search.focus();
      } else if (event.key === 'g') jump = Date.now();
      else if (Date.now() - jump < 1200 && event.key in JUMPS) {
        jump = 0;
        this.go(link(JUMPS[event.key]));
      }
    });
  }
}

function mark() {
  return h('img', { src: new URL('./icon.svg', import.meta.url).pathname, alt: 'Triops', width: 24, height: 24 });
}
