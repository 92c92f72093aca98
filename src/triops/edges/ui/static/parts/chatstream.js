/** One streamed call of a model through the gateway, told as it comes. */

import { ApiError } from '../api.js';

/** @typedef {{text: string, thinking: string, first_ms: number|null, ms: number, input: number|null, output: number|null, cached: number|null, model: string, provider: string, call: string, cache: string, cost: string|null, finish: string}} Answer */

/**
 * @param {any} body of /v1/chat/completions @param {Record<string, string>} headers @param {AbortSignal} signal
 * @param {(answer: Answer) => void} told with each piece @returns {Promise<Answer>}
 */
export async function chat(body, headers, signal, told) {
  const began = performance.now();
  const answer = await fetch('/v1/chat/completions', { method: 'POST', signal, credentials: 'same-origin', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }) });
  const named = (/** @type {string} */ n) => answer.headers.get(`x-triops-${n}`) || '';
  /** @type {Answer} */ const all = { text: '', thinking: '', first_ms: null, ms: 0, input: null, output: null, cached: null, model: named('model'), provider: named('provider'), call: named('call'), cache: named('cache'), cost: named('cost-usd') || null, finish: '' };
  if (!answer.ok || !answer.body) throw refused(answer.status, await answer.text());
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const events = (rest + value).split(/\r?\n\r?\n/);
    rest = events.pop() || '';
    for (const event of events) take(event, all, began);
    all.ms = performance.now() - began;
    told(all);
  }
  all.ms = performance.now() - began;
  told(all);
  return all;
}

/** @param {string} event @param {Answer} all @param {number} began */
function take(event, all, began) {
  const data = event.split(/\r?\n/).filter((l) => l.startsWith('data:')).map((l) => l.slice(5).trim()).join('\n');
  if (!data || data === '[DONE]') return;
  const said = JSON.parse(data);
  if (said.error) throw refused(0, data);
  const choice = said.choices?.[0];
  const { content, reasoning_content, reasoning, refusal, tool_calls } = choice?.delta || {};
  const calls = (tool_calls || []).map((/** @type {any} */ c) => `${c.function?.name ? `\n→ ${c.function.name} ` : ''}${c.function?.arguments || ''}`).join('');
  if (all.first_ms === null && (content || reasoning_content || reasoning || refusal || calls)) all.first_ms = performance.now() - began;
  all.text += (content || '') + (refusal || '') + calls;
  all.thinking += reasoning_content || reasoning || '';
  if (choice?.finish_reason) all.finish = choice.finish_reason;
  if (said.usage) {
    all.input = said.usage.prompt_tokens ?? null;
    all.output = said.usage.completion_tokens ?? null;
    all.cached = said.usage.prompt_tokens_details?.cached_tokens ?? null;
  }
}

/** @param {number} status @param {string} text */
function refused(status, text) {
  try {
    const { error } = JSON.parse(text);
    return new ApiError(status, { kind: error.code || error.type, message: error.message, field: error.param || undefined });
  } catch {
    return new ApiError(status, { message: text.slice(0, 300) || `the gateway answered ${status}` });
  }
}

/** Ids of a trace of our own, so that the call can be found. @returns {{trace: string, header: string}} */
export function newTrace() {
  const hex = (/** @type {number} */ n) => [...crypto.getRandomValues(new Uint8Array(n))].map((b) => b.toString(16).padStart(2, '0')).join('');
  const trace = hex(16);
  return { trace, header: `00-${trace}-${hex(8)}-01` };
}
