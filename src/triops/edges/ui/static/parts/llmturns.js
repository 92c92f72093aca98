/** The spans of a trace as one conversation in order: what was said once is shown once. Pure. */

import { parsed } from '../parsing.js';

/**
 * @typedef {object} Turn
 * @property {'message'|'tool'|'note'} kind
 * @property {string} role
 * @property {any[]} parts
 * @property {any} [span] whose output this is, or the tool's own span
 */

const CALLS = new Set(['llm', 'chat', 'chat_model', 'completion', 'text_completion', 'generate_content', 'embedding', 'embeddings']);
const TOOLS = new Set(['tool', 'retriever', 'reranker', 'guardrail']);

/** @param {any[]} spans as the API gives them @returns {Turn[]} */
export function turnsOf(spans) {
  const byId = new Map(spans.map((s) => [s.span, s]));
  const ordered = [...spans].sort((a, b) => a.at - b.at);
  const calls = new Set(ordered.filter((s) => CALLS.has(s.type) && said(s) && !within(s, byId)));
  const shown = calls.size ? ordered.filter((s) => calls.has(s) || (TOOLS.has(s.type) && said(s))) : ordered.filter(said).slice(0, 1);
  /** @type {Map<string, number>} how often each message has been shown */ const seen = new Map();
  /** @type {Turn[]} */ const turns = [];
  for (const span of shown) {
    if (TOOLS.has(span.type)) {
      turns.push({ kind: 'tool', role: 'tool', parts: [], span });
      for (const key of span.output.map(meaning)) seen.set(key, (seen.get(key) || 0) + 1);
      continue;
    }
    /** @type {Map<string, number>} */ const here = new Map();
    for (const message of span.input) {
      const key = meaning(message);
      here.set(key, (here.get(key) || 0) + 1);
      if (/** @type {number} */ (here.get(key)) <= (seen.get(key) || 0)) continue;
      turns.push({ kind: 'message', role: message.role, parts: message.parts || [] });
    }
    for (const message of span.output) {
      const key = meaning(message);
      here.set(key, (here.get(key) || 0) + 1);
      turns.push({ kind: 'message', role: message.role, parts: message.parts || [], span });
    }
    if (!span.output.length) turns.push({ kind: 'note', role: 'assistant', parts: [], span });
    for (const [key, n] of here) seen.set(key, Math.max(n, seen.get(key) || 0));
  }
  return turns;
}

/** @param {any} span */
function said(span) {
  return span.input?.length > 0 || span.output?.length > 0;
}

/** A call below another call is the same call, seen from further in. @param {any} span @param {Map<string, any>} byId */
function within(span, byId) {
  const met = new Set([span.span]);
  for (let at = byId.get(span.parent); at && !met.has(at.span); at = byId.get(at.parent)) {
    if (CALLS.has(at.type) && said(at)) return true;
    met.add(at.span);
  }
  return false;
}

/** What a message says, whatever ids it carries: results of tools are the same wherever they come from. @param {any} message */
function meaning(message) {
  const parts = message.parts || [];
  if (message.role === 'tool' || (parts.length && parts.every((/** @type {any} */ p) => p.type === 'tool_call_response' || p.type === 'json'))) return `result ${parts.map((/** @type {any} */ p) => plain(p.response ?? p.content)).join('\n')}`;
  return `${message.role} ${parts.map((/** @type {any} */ p) => (p.type === 'tool_call' ? `${p.name} ${JSON.stringify(p.arguments)}` : plain(p.content))).join('\n')}`;
}

/** A result as JSON where it is JSON, so that spaces do not make another. @param {any} value @returns {string} */
export function plain(value) {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value) && value.length && value.every((v) => v && typeof v === 'object' && typeof (v.text ?? v.content) === 'string')) return plain(value.map((v) => v.text ?? v.content).join('\n'));
  if (typeof value !== 'string') return JSON.stringify(value);
  const read = opened(value);
  return read === undefined ? value : JSON.stringify(read);
}

/** A text that is an object or a list of JSON as that; else undefined. @param {any} text */
export function opened(text) {
  return typeof text === 'string' && /^\s*[[{]/.test(text) ? parsed(text) : undefined;
}
