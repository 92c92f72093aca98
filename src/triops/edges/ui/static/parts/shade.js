/** Numbers as colours, from the palette's first through its second to its third, and the scale that says so. */

import { h } from '../dom.js';

/** @param {any[]} values @param {import('./chart.js').Look} look @param {boolean} log @returns {(value: any) => string} */
export function shadeScale(values, look, log) {
  const at = (/** @type {number} */ v) => (log ? Math.log(v) : v);
  const [low, high] = ends(values.filter((v) => typeof v === 'number')).map(at);
  const stops = look.colors.slice(0, 3).map(rgb);
  return (value) => {
    if (typeof value !== 'number') return look.muted;
    const p = high > low ? (at(value) - low) / (high - low) : 0;
    const [a, b, t] = p < 0.5 ? [stops[0], stops[1], p * 2] : [stops[1], stops[2], p * 2 - 1];
    return `rgb(${a.map((v, i) => Math.round(v + (b[i] - v) * t)).join(',')})`;
  };
}

/** @param {string} label @param {number[]} values @param {(v: number) => string} told */
export function scaleOf(label, values, told) {
  if (!values.length) return '';
  const [low, high] = ends(values);
  return h('span', { class: 'scale' }, label, ' ', told(low), h('i', { 'aria-hidden': 'true' }), told(high));
}

/** @param {number[]} values @returns {[number, number]} */
function ends(values) {
  return [values.reduce((a, b) => Math.min(a, b), Infinity), values.reduce((a, b) => Math.max(a, b), -Infinity)];
}

/** @param {string} hex */
function rgb(hex) {
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
}
