/** The words that the playground sends: messages, the variables in them, settings. */

import { h } from '../dom.js';
import { icon } from '../icons.js';
import { parsed } from '../parsing.js';
import { linesOf } from './promptwords.js';

const ROLES = ['system', 'user', 'assistant'];
const PLAIN = /\{\{\{?\s*([A-Za-z_]\w*)\s*\}?\}\}/g;

/** @typedef {{role: string, content: string}} Line */
/** @type {Line[]} */
const EMPTY = [{ role: 'system', content: '' }, { role: 'user', content: '' }];

/** Names that templates read, in order. Pure. @param {Line[]} lines */
export function variablesOf(lines) {
  const names = lines.flatMap((l) => [...l.content.matchAll(/\{\{\{?[#^]?\s*([A-Za-z_]\w*)/g)].map((m) => m[1]));
  return [...new Set(names)];
}

/** Lines with plain variables filled in; null where the templates hold more than those. Pure. @param {Line[]} lines @param {Record<string, any>} values @returns {Line[]|null} */
export function filledIn(lines, values) {
  if (lines.some((l) => /\{%|\{#|\{\{[#^/>!&]/.test(l.content) || l.content.replace(PLAIN, '').includes('{{'))) return null;
  return lines.map(({ role, content }) => ({ role, content: content.replace(PLAIN, (_, name) => { const v = values[name]; return v === undefined ? '' : typeof v === 'object' ? JSON.stringify(v) : String(v); }) }));
}

/** @param {() => void} changed */
export function playPrompt(changed) {
  /** @type {any} */ let stored = null; // the version the lines came from
  /** @type {{role: any, content: any, el: HTMLElement}[]} */ let rows = [];
  /** @type {Map<string, any>} */ const values = new Map();
  const list = h('div', { class: 'play-lines' });
  const fields = h('div', { class: 'play-variables' });
  const temperature = h('input', { type: 'number', min: 0, max: 2, step: 0.1, 'aria-label': 'Temperature', placeholder: 'default' });
  const most = h('input', { type: 'number', min: 1, max: 1000000, step: 1, 'aria-label': 'Most tokens', placeholder: 'default' });
  const add = h('button', { type: 'button', class: 'small', on: { click: () => { insert({ role: rows.at(-1)?.role.value === 'user' ? 'assistant' : 'user', content: '' }); touched(); rows.at(-1)?.content.focus(); } } }, icon('plus', 14), 'Message');
  const el = h('div', { class: 'play-prompt' }, list, h('div', { class: 'buttons' }, add), fields, h('div', { class: 'inline-form' }, h('label', null, 'Temperature', temperature), h('label', null, 'Most tokens', most)));

  /** @param {Line} line */
  function insert(line) {
    const role = h('select', { 'aria-label': 'Role', on: { change: touched } }, ROLES.map((r) => h('option', { value: r, selected: r === line.role }, r)));
    const content = h('textarea', { rows: 2, 'aria-label': `Message ${rows.length + 1}`, spellcheck: 'false', value: line.content, placeholder: 'Words; {{name}} is filled in', on: { input: touched } });
    const row = { role, content, el: h('div', { class: 'play-line' }, h('div', { class: 'play-line-head' }, role, h('button', { type: 'button', class: 'ghost square', 'aria-label': 'Remove this message', title: 'Remove this message', on: { click: () => { rows = rows.filter((r) => r !== row); row.el.remove(); touched(); } } }, '×')), content) };
    rows.push(row);
    list.append(row.el);
    requestAnimationFrame(() => grow(content));
  }

  function touched() {
    for (const { content } of rows) grow(content);
    drawFields();
    changed();
  }

  function lines() {
    return rows.map((r) => ({ role: r.role.value, content: r.content.value }));
  }

  function drawFields() {
    const names = edited() ? variablesOf(lines()) : stored?.names || variablesOf(lines());
    if (fields.dataset.names === names.join(',')) return;
    fields.dataset.names = names.join(',');
    const known = stored?.variables || {};
    fields.replaceChildren(...(names.length ? [h('h3', null, 'Variables')] : []), ...names.map((/** @type {string} */ name) => {
      const spec = known[name] || {};
      const input = h('textarea', { rows: 1, 'aria-label': name, value: values.get(name) ?? (spec.default === undefined ? '' : typeof spec.default === 'string' ? spec.default : JSON.stringify(spec.default)), placeholder: spec.type && spec.type !== 'string' ? spec.type : '', on: { input: () => { values.set(name, input.value); grow(input); } } });
      values.set(name, input.value);
      requestAnimationFrame(() => grow(input));
      return h('label', null, h('span', { class: 'mono' }, name, spec.required === false && h('span', { class: 'muted' }, ' (optional)')), input);
    }));
  }

  function edited() {
    if (!stored) return true;
    const [now, was] = [lines(), linesOf(stored)];
    return now.length !== was.length || now.some((l, i) => l.role !== was[i].role || l.content !== was[i].content);
  }

  return {
    el,
    edited,
    lines,
    get stored() {
      return stored;
    },
    get settings() {
      /** @type {Record<string, number>} */ const out = {};
      if (temperature.value !== '') out.temperature = Number(temperature.value);
      if (most.value !== '') out.max_tokens = Number(most.value);
      return out;
    },
    /** As the types of the version's variables ask. @returns {Record<string, any>} */
    values() {
      const known = stored?.variables || {};
      const names = (fields.dataset.names || '').split(',').filter(Boolean);
      return Object.fromEntries(names.filter((n) => values.get(n) || known[n]?.required !== false).map((n) => [n, typed(values.get(n) ?? '', known[n]?.type)]));
    },
    /** @param {any} version of a prompt, or null for words of no version @param {Line[]} lines @param {any} settings */
    load(version, lines = version ? linesOf(version) : EMPTY, settings = version?.settings) {
      stored = version;
      rows = [];
      list.replaceChildren();
      for (const line of lines) insert(line);
      temperature.value = settings?.temperature ?? '';
      most.value = settings?.max_tokens ?? '';
      delete fields.dataset.names;
      drawFields();
    },
  };
}

/** As tall as its words. @param {any} area */
function grow(area) {
  area.style.height = 'auto';
  area.style.height = `${Math.min(320, area.scrollHeight + 2)}px`;
}

/** @param {string} text @param {string} [type] */
function typed(text, type) {
  if (type === 'number' && text.trim() !== '' && !Number.isNaN(Number(text))) return Number(text);
  if (type === 'boolean') return /^(true|yes|1)$/i.test(text.trim());
  if (type === 'array' || type === 'object') {
    return parsed(text, text); // the gateway says what it expected
  }
  return text;
}
