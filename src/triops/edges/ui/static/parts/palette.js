/** Search over everything: `/` focuses it, arrows choose, Enter opens. */

import { get } from '../api.js';
import { h, quiet } from '../dom.js';
import { icon } from '../icons.js';
import { FOOT, NAV } from '../navigation.js';
import { placeOf } from '../routes.js';
import { link } from '../state.js';

const PAGES = [...NAV, ...FOOT].filter(([name]) => name).map(([, title, path]) => [String(title), String(path)]);

/** @param {(path: string) => void} go */
export function palette(go) {
  /** @type {{kind: string, title: string, note: string, to: string}[]} */
  let found = [];
  let at = 0;
  let asked = 0;
  const list = h('ul', { class: 'found', role: 'listbox', id: 'found', 'aria-label': 'Found', hidden: true });
  const input = h('input', { type: 'search', placeholder: 'Search services, prompts, runs, models …', role: 'combobox', 'aria-label': 'Search', 'aria-expanded': 'false', 'aria-controls': 'found', 'aria-autocomplete': 'list', autocomplete: 'off', spellcheck: 'false', on: { input: () => ask(), focus: () => ask(), keydown: key, blur: () => setTimeout(hide, 150) } });
  const el = h('div', { class: 'search', role: 'search' }, icon('search', 16), input, h('kbd', { 'aria-hidden': 'true' }, '/'), list);

  const ask = quiet(async () => {
    const q = input.value.trim();
    const turn = ++asked;
    const pages = PAGES.filter(([name]) => q && name.toLowerCase().includes(q.toLowerCase())).map(([title, to]) => ({ kind: 'page', title, note: '', to }));
    if (/^[0-9a-f]{32}$/i.test(q)) pages.unshift({ kind: 'run', title: q, note: 'open this run', to: `/ui/runs/${q.toLowerCase()}` }, { kind: 'trace', title: q, note: 'open this trace', to: `/ui/traces/${q.toLowerCase()}` });
    if (!q) return show([]);
    try {
      const [{ items: found }, tried, models] = await Promise.all([get('/search', { q, limit: 20 }), named('experiment', '/experiments', q), named('model', '/models', q)]);
      if (turn !== asked) return;
      const items = [...models, ...tried, ...found];
      const seen = new Set(pages.map((p) => p.to));
      const more = items.map((/** @type {any} */ i) => ({ kind: i.kind, title: i.title || i.id, note: i.title && i.title !== i.id ? i.id : '', to: placeOf(i) })).filter((/** @type {any} */ i) => i.to && !seen.has(i.to));
      show([...more, ...pages]);
    } catch {
      if (turn === asked) show(pages);
    }
  }, 120);

  /** @param {typeof found} items */
  function show(items) {
    found = items.slice(0, 12);
    at = 0;
    const nothing = !found.length && input.value.trim();
    list.hidden = !found.length && !nothing;
    input.setAttribute('aria-expanded', String(found.length > 0));
    list.replaceChildren(...(nothing ? [h('li', { class: 'muted', role: 'option', 'aria-disabled': 'true', 'aria-selected': 'false' }, 'Nothing by that name')] : found.map((item, i) =>
      h('li', { role: 'option', id: `found-${i}`, on: { pointerdown: (/** @type {Event} */ e) => { e.preventDefault(); open(i); } } }, h('span', { class: 'kind' }, item.kind), h('span', { class: 'title' }, item.title), item.note && h('span', { class: 'muted note' }, item.note)))));
    choose(0);
  }

  /** @param {number} i */
  function choose(i) {
    at = Math.max(0, Math.min(found.length - 1, i));
    [...list.children].forEach((li, n) => found.length && li.setAttribute('aria-selected', String(n === at)));
    if (found.length) input.setAttribute('aria-activedescendant', `found-${at}`);
    else input.removeAttribute('aria-activedescendant');
    list.children[at]?.scrollIntoView({ block: 'nearest' });
  }

  /** @param {KeyboardEvent} event */
  function key(event) {
    if (event.key === 'ArrowDown') choose(at + 1);
    else if (event.key === 'ArrowUp') choose(at - 1);
    else if (event.key === 'Enter') open(at);
    else if (event.key === 'Escape') {
      input.value = '';
      input.blur();
    } else return;
    event.preventDefault();
  }

  /** @param {number} i */
  function open(i) {
    if (!found[i]) return;
    const [path, tail] = found[i].to.split('?');
    input.value = '';
    input.blur();
    go(link(path, Object.fromEntries(new URLSearchParams(tail || ''))));
  }

  function hide() {
    list.hidden = true;
    input.setAttribute('aria-expanded', 'false');
  }

  return { el, focus: () => input.focus() };
}

/** Experiments and models by name; a part of the server that is down leaves the other finds. @param {string} kind @param {string} path @param {string} q @returns {Promise<any[]>} */
async function named(kind, path, q) {
  const { items } = await get(path, { q, limit: 4 }).catch(() => ({ items: [] }));
  return items.slice(0, 4).map((/** @type {any} */ i) => ({ kind, id: i.id ?? i.name, title: i.name }));
}
