/** A conversation as a chat: who said what, tools and their results folded, pictures as placeholders, JSON to open. */

import { h } from '../dom.js';
import { text } from '../format.js';
import { copyButton } from './code.js';
import { empty } from './empty.js';
import { json } from './json.js';
import { opened, plain, turnsOf } from './llmturns.js';
import { markdown } from './markdown.js';
import { errorText, money, tokens } from './llmwords.js';

const LONG = 1600; // characters shown of one text before it folds
const MOST = 400; // turns drawn
/** @type {Record<string, string>} */
const NAMES = { user: 'User', assistant: 'Assistant', system: 'System', developer: 'Developer', tool: 'Tool' };

/** @param {any[]} spans @param {{choose?: (span: any) => void, plain?: boolean}} [how] `plain`: texts as they are, no Markdown */
export function conversation(spans, { choose, plain: raw = false } = {}) {
  const turns = turnsOf(spans);
  if (!turns.length) return empty('What was said is not stored.', { hint: 'The route or the key records figures only (record: metadata), a rule redacted it before storage, or the application’s instrumentation leaves messages out.' });
  return h('ol', { class: 'chat' }, turns.slice(0, MOST).map((t, i) => turn(t, i, choose, raw)), turns.length > MOST && h('li', { class: 'muted' }, `and ${turns.length - MOST} more: see the waterfall`));
}

/** @param {import('./llmturns.js').Turn} t @param {number} i @param {((span: any) => void)|undefined} choose @param {boolean} raw */
function turn({ kind, role, parts, span }, i, choose, raw) {
  if (kind === 'tool') return toolTurn(span, i, choose);
  const name = NAMES[role] || role;
  const results = parts.length > 0 && parts.every((p) => p.type === 'tool_call_response');
  return h('li', { class: ['turn', results ? 'tool' : role] },
    h('div', { class: 'turn-head' }, h('strong', null, results ? 'Tool result' : name), span && callFacts(span, choose)),
    kind === 'note' && h('p', { class: span.status === 'error' ? 'critical' : 'muted' }, span.status === 'error' ? ['◆ ', errorText(span.error) || 'The call failed.'] : span.type.startsWith('embedding') ? 'Answered with vectors.' : 'No answer is stored.'),
    parts.map((p, n) => part(p, `${i}-${n}`, role, raw)),
    kind !== 'note' && span?.status === 'error' && h('p', { class: 'critical' }, '◆ ', errorText(span.error) || 'The call failed.'));
}

/** @param {any} span @param {((span: any) => void)|undefined} choose */
function callFacts(span, choose) {
  const words = [span.model, span.output_tokens !== null && tokens(span.input_tokens, span.output_tokens), span.cost_usd !== null && money(span.cost_usd, span.estimated), text(span.ms, 'ms'), span.first_token_ms !== null && span.first_token_ms !== undefined && `first word after ${text(span.first_token_ms, 'ms')}`].filter(Boolean);
  const shown = words.flatMap((w, n) => (n ? [h('span', { class: 'muted' }, ' · '), w] : [w]));
  return choose ? h('button', { type: 'button', class: 'ghost small call-facts', title: 'The span of this call', on: { click: () => choose(span) } }, h('span', null, shown)) : h('span', { class: 'muted small call-facts' }, shown);
}

/** @param {any} span @param {number} i @param {((span: any) => void)|undefined} choose */
function toolTurn(span, i, choose) {
  const name = span.attributes?.['gen_ai.tool.name'] || span.name;
  return h('li', { class: ['turn', 'tool'] },
    h('div', { class: 'turn-head' }, h('strong', null, span.type === 'tool' ? 'Tool' : 'Lookup'), h('code', null, name), callFacts(span, choose)),
    span.input.length > 0 && fold(`in-${i}`, 'Asked with', valueOf(span.input)), span.output.length > 0 && fold(`out-${i}`, 'Answered', valueOf(span.output), true),
    span.status === 'error' && h('p', { class: 'critical' }, '◆ ', errorText(span.error) || 'It failed.'));
}

/** @param {any[]} messages */
function valueOf(messages) {
  const values = messages.flatMap((m) => (m.parts || []).map((/** @type {any} */ p) => p.response ?? p.content ?? p));
  return values.length === 1 ? values[0] : values;
}

/** @param {any} p @param {string} key @param {string} role @param {boolean} raw */
function part(p, key, role, raw) {
  if (p.type === 'text') return words(p.content, key, raw || role === 'user');
  if (p.type === 'tool_call') return h('div', { class: 'tool-call' }, fold(`call-${key}`, ['calls ', h('code', null, p.name || 'a tool')], p.arguments, true));
  if (p.type === 'tool_call_response') return fold(`result-${key}`, 'Result', plain(p.response), true);
  if (p.type === 'reasoning') return h('details', { class: 'reasoning', data: { key: `think-${key}` } }, h('summary', null, 'Reasoning'), h('div', { class: 'said' }, String(p.content ?? '')));
  if (p.type === 'json') return fold(`json-${key}`, 'Data', p.content, true);
  if (['image', 'audio', 'file'].includes(p.type)) return media(p);
  return fold(`part-${key}`, p.type || 'part', p, false);
}

/** Pictures are not fetched: an address in a prompt may belong to anyone. @param {any} p */
function media(p) {
  const size = typeof p.content === 'string' ? text((p.content.length * 3) / 4, 'By') : '';
  const from = typeof p.uri === 'string' && !p.uri.startsWith('data:') ? p.uri.slice(0, 120) : '';
  return h('div', { class: 'media' }, h('span', { class: 'media-mark', 'aria-hidden': 'true' }), h('span', null, p.type, p.mime_type && ` · ${p.mime_type}`, size && ` · ${size}`, from && h('span', { class: 'mono small' }, ` ${from}`)));
}

/** @param {any} content @param {string} key @param {boolean} raw */
function words(content, key, raw) {
  const said = typeof content === 'string' ? content : plain(content);
  const data = opened(said);
  if (data !== undefined) return fold(`json-${key}`, 'JSON', data, true);
  if (said.length <= LONG) return saying(said, raw);
  return h('div', null, saying(`${said.slice(0, LONG)} …`, raw), h('details', { data: { key: `long-${key}` } }, h('summary', null, `All ${said.length.toLocaleString('en')} characters`), saying(said.slice(0, 400000), raw)));
}

/** @param {string} said @param {boolean} raw */
function saying(said, raw) {
  return raw ? h('div', { class: 'said' }, said) : markdown(said);
}

/** A value that opens: JSON as a tree, a text as it is. @param {string} key @param {any} title @param {any} value @param {boolean} [short] open at once when it is short */
function fold(key, title, value, short = false) {
  const data = typeof value === 'string' ? opened(value) ?? value : value;
  const flat = typeof data === 'string' ? data : JSON.stringify(data) ?? '';
  return h('details', { class: 'folded-value', data: { key }, open: short && flat.length <= 240 },
    h('summary', null, title, h('span', { class: 'muted small preview-line' }, ' ', flat.slice(0, 140))),
    h('div', { class: 'fold-body' }, typeof data === 'string' ? h('div', { class: 'said mono' }, data) : json(data, { open: 2 }), copyButton(typeof data === 'string' ? data : JSON.stringify(data, null, 2))));
}
