/** One line for a filter of MLflow's language: completes names and operators, and shows the server's complaint below. */

import { h } from '../dom.js';
import { icon } from '../icons.js';
import { offersAt } from './runfilter.js';

/** @param {{apply: (text: string) => void, keys: () => import('./runfilter.js').Keys}} how */
export function filterBox({ apply, keys }) {
  /** @type {ReturnType<typeof offersAt>} */ let now = { from: 0, to: 0, offers: [] };
  let at = -1;
  const list = h('ul', { class: 'found', role: 'listbox', id: 'filter-offers', 'aria-label': 'Completions', hidden: true });
  const wrong = h('div', { class: 'field-error', id: 'filter-error', role: 'alert', hidden: true });
  const input = h('input', { type: 'text', class: 'mono', role: 'combobox', 'aria-label': 'Filter', 'aria-expanded': 'false', 'aria-controls': 'filter-offers', 'aria-autocomplete': 'list', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', placeholder: "metrics.accuracy > 0.9 and params.optimizer = 'adam'", maxlength: 6000, on: { input: offer, focus: offer, click: offer, keydown: keyed, blur: () => setTimeout(hide, 150) } });
  const clear = h('button', { class: 'ghost square', type: 'button', title: 'Clear the filter', 'aria-label': 'Clear the filter', hidden: true, on: { click: () => { input.value = ''; tidy(); apply(''); } } }, icon('close', 14));
  const el = h('form', { class: 'filterbox', role: 'search', 'aria-label': 'Filter of runs', on: { submit: (/** @type {Event} */ e) => { e.preventDefault(); run(); } } }, h('div', { class: 'search' }, icon('search', 16), input, clear, list), wrong);

  function tidy() {
    clear.hidden = !input.value;
  }

  function offer() {
    tidy();
    now = offersAt(input.value, input.selectionStart ?? input.value.length, keys());
    at = -1;
    list.hidden = !now.offers.length;
    input.setAttribute('aria-expanded', String(!list.hidden));
    input.removeAttribute('aria-activedescendant');
    list.replaceChildren(...now.offers.map((o, i) => h('li', { role: 'option', id: `offer-${i}`, 'aria-selected': 'false', on: { pointerdown: (/** @type {Event} */ e) => { e.preventDefault(); take(i); } } }, h('span', { class: 'title mono' }, o.text), o.note && h('span', { class: 'muted note' }, o.note))));
  }

  /** @param {number} i */
  function take(i) {
    const { text } = now.offers[i];
    const rest = input.value.slice(now.to).replace(/^\s+/, '');
    input.value = input.value.slice(0, now.from) + text + rest;
    const caret = now.from + text.length;
    input.setSelectionRange(caret, caret);
    input.focus();
    offer();
  }

  function run() {
    hide();
    apply(input.value.trim());
  }

  function hide() {
    list.hidden = true;
    input.setAttribute('aria-expanded', 'false');
  }

  /** @param {KeyboardEvent} event */
  function keyed(event) {
    const many = now.offers.length;
    const open = !list.hidden && many > 0;
    if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && open) choose(event.key === 'ArrowDown' ? (at + 1) % many : (at + many - (at < 0 ? 0 : 1)) % many);
    else if (event.key === 'Tab' && open && !event.shiftKey && input.value.trim()) take(Math.max(0, at));
    else if (event.key === 'Enter' && open && at >= 0) take(at);
    else if (event.key === 'Escape' && open) hide();
    else return;
    event.preventDefault();
  }

  /** @param {number} i */
  function choose(i) {
    at = i;
    [...list.children].forEach((li, n) => li.setAttribute('aria-selected', String(n === at)));
    input.setAttribute('aria-activedescendant', `offer-${at}`);
    list.children[at]?.scrollIntoView({ block: 'nearest' });
  }

  return {
    el,
    /** Shows what the address says, unless one is typing. @param {string} text */
    set(text) {
      if (document.activeElement !== input) input.value = text;
      tidy();
    },
    /** @param {string} message '' takes the complaint away */
    complain(message) {
      wrong.hidden = !message;
      wrong.textContent = message;
      input.setAttribute('aria-invalid', String(Boolean(message)));
      if (message) input.setAttribute('aria-describedby', 'filter-error');
      else input.removeAttribute('aria-describedby');
    },
  };
}
