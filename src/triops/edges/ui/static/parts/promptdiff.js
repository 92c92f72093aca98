/** What differs between two versions of a prompt: words in the texts, then settings, variables, model. */

import { h } from '../dom.js';
import { wordDiff } from './worddiff.js';

/** @param {any} data the answer of /prompts/{name}/diff */
export function promptDiff(data) {
  if (!data.texts.length && !data.fields.length) return h('p', { class: 'muted' }, `Version ${data.from} and version ${data.to} do not differ.`);
  return [
    data.texts.map((/** @type {any} */ t) => h('section', { class: 'diff-text' }, h('h3', null, roleOf(t)), wordDiff(strip(t.before, t), strip(t.after, t)))),
    data.fields.length > 0 && h('table', { class: 'plain-table' }, h('thead', null, h('tr', null, h('th', null, 'What'), h('th', null, `Version ${data.from}`), h('th', null, `Version ${data.to}`))),
      h('tbody', null, data.fields.map((/** @type {any} */ f) => h('tr', null, h('td', { class: 'mono' }, f.where), h('td', null, value(f.before, 'del')), h('td', null, value(f.after, 'ins')))))),
  ];
}

/** "system message", when the role is the same on both sides. @param {any} t */
function roleOf(t) {
  if (t.where === 'text') return 'Text';
  const [was, now] = [role(t.before), role(t.after)];
  const n = Number(t.where.replace(/\D/g, '')) + 1;
  return was && now && was !== now ? `Message ${n}: ${was} → ${now}` : `Message ${n}: ${now || was}${was ? (now ? '' : ', removed') : ', added'}`;
}

/** @param {string|null} text */
function role(text) {
  return text === null ? '' : /^([a-z_]+): /.exec(text)?.[1] || '';
}

/** @param {string|null} text @param {any} t */
function strip(text, t) {
  return text === null ? '' : t.where === 'text' ? text : text.replace(/^[a-z_]+: /, '');
}

/** @param {any} v @param {string} tag */
function value(v, tag) {
  return v === null || v === undefined ? h('span', { class: 'muted' }, '–') : h(tag, { class: 'mono' }, typeof v === 'string' ? v : JSON.stringify(v));
}
