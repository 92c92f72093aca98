/** One span beside the waterfall: what it is, its figures, what went in and came out, its attributes and events. */

import { h } from '../dom.js';
import { text } from '../format.js';
import { conversation } from './conversation.js';
import { health } from './health.js';
import { json } from './json.js';
import { errorText, money, promptLink, tokens } from './llmwords.js';
import { playLink } from './playfrom.js';

const SHOWN = /^(gen_ai\.(input|output)\.messages|gen_ai\.prompt|gen_ai\.completion|input\.value|output\.value|llm\.(input|output)_messages)/; // shown as messages

/** @param {any} s @param {string} trace @param {() => void} close */
export function spanDetail(s, trace, close) {
  const attributes = Object.entries(s.attributes || {}).filter(([name]) => !SHOWN.test(name));
  return h('div', { class: 'llm-span' },
    h('div', { class: 'panel-head' }, h('h2', null, s.name), h('button', { class: 'ghost', type: 'button', 'aria-label': 'Close', on: { click: close } }, '✕')),
    h('dl', { class: 'facts' },
      fact('Type', s.type), fact('Status', health(s.status === 'error' ? 'error' : 'ok', s.status)), fact('Says', errorText(s.error)), fact('Model', [s.provider, s.model].filter(Boolean).join('/')), fact('Prompt', s.prompt && promptLink(s)),
      fact('Took', text(s.ms, 'ms')), fact('First token', s.first_token_ms !== null && text(s.first_token_ms, 'ms')),
      fact('Tokens', s.input_tokens !== null && tokens(s.input_tokens, s.output_tokens)), fact('From cache', s.cached_tokens > 0 && `${s.cached_tokens.toLocaleString('en')} tokens`),
      fact('Into cache', s.cache_write_tokens > 0 && `${s.cache_write_tokens.toLocaleString('en')} tokens`),
      fact('Cost', s.cost_usd !== null && money(s.cost_usd, s.estimated)), fact('With all below', s.total_cost_usd !== null && s.total_cost_usd !== s.cost_usd && money(s.total_cost_usd)), fact('Service', s.service), fact('Span id', h('span', { class: 'mono small' }, s.span))),
    (s.input.length > 0 || s.output.length > 0) && h('section', null, h('div', { class: 'card-head' }, h('h3', null, 'Messages'), playLink(trace, s)), conversation([{ ...s, type: 'llm', parent: '' }])),
    attributes.length > 0 && h('section', null, h('h3', null, 'Attributes'), h('dl', { class: 'facts attrs' }, attributes.map(([name, value]) => fact(name, value !== null && typeof value === 'object' ? json(value) : h('span', { class: 'mono' }, String(value)))))),
    (s.events || []).map((/** @type {any} */ e) => h('section', null, h('h3', null, 'Event: ', e.name || ''), json(e.attributes || e, { open: 2 }))));
}

/** @param {string} name @param {any} value */
function fact(name, value) {
  return value || value === 0 ? [h('dt', null, name), h('dd', null, value)] : null;
}
