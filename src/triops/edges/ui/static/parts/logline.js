/** One log record: a line that opens to everything it carries. */

import { h } from '../dom.js';
import { clock, exact } from '../format.js';
import { link } from '../state.js';
import { health } from './health.js';

/** @param {any} record @param {import('../visit.js').Visit} ctx */
export function logLine(record, ctx) {
  const level = levelOf(record);
  const box = h('details', { class: ['log', level] }, h('summary', null, h('time', { class: 'muted', title: exact(record.time) }, clock(record.time, { ms: true, day: false })), health(level, record.severity || level), h('span', { class: 'service', title: record.service }, record.service), h('span', { class: 'body-text' }, marked(String(record.body ?? ''), ctx.query.get('query')))));
  box.addEventListener('toggle', () => box.childElementCount === 1 && box.append(more(record)), { once: true });
  return box;
}

/** @param {any} r */
function more(r) {
  const facts = [...Object.entries(r.attributes || {}), ...Object.entries(r.resource || {})];
  return h('div', { class: 'log-more' }, h('p', null, r.trace_id && h('a', { href: link(`/ui/traces/${r.trace_id}`, { span: r.span_id }) }, 'Its trace'), r.trace_id && ' · ', r.template_id && [h('a', { href: link('/ui/logs', { template: r.template_id, service: r.service }) }, 'Lines like this'), ' · '], h('span', { class: 'muted' }, exact(r.time))),
    h('dl', { class: 'facts attrs' }, facts.map(([k, v]) => [h('dt', null, k), h('dd', null, typeof v === 'object' ? JSON.stringify(v) : String(v))])));
}

/** @param {any} r */
function levelOf(r) {
  const n = r.severity_number || 0;
  const word = String(r.severity || '').toLowerCase();
  if (n >= 21 || word.startsWith('fatal') || word.startsWith('crit')) return 'fatal';
  if (n >= 17 || word.startsWith('err')) return 'error';
  if (n >= 13 || word.startsWith('warn')) return 'warning';
  return 'info';
}

/** The searched words, marked; as text nodes. @param {string} text @param {string|null} query */
function marked(text, query) {
  const words = (query || '').toLowerCase().split(/\s+/).filter((w) => w.length > 1).slice(0, 8);
  if (!words.length) return text;
  const low = text.toLowerCase();
  const out = [];
  let at = 0;
  while (at < text.length && out.length < 200) {
    let [hit, size] = [-1, 0];
    for (const w of words) {
      const i = low.indexOf(w, at);
      if (i >= 0 && (hit < 0 || i < hit)) [hit, size] = [i, w.length];
    }
    if (hit < 0) break;
    out.push(text.slice(at, hit), h('mark', { class: 'hit' }, text.slice(hit, hit + size)));
    at = hit + size;
  }
  return [...out, text.slice(at)];
}
