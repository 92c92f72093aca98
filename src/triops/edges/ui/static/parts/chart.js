/** A chart of any kind with its title, its picture to save and its numbers to save; drawn anew when the theme turns. */

import { h } from '../dom.js';
import { icon } from '../icons.js';
import { fileName, saveCsv, saveUrl } from './save.js';
import { palette, token } from './timeseries.js';

/** @typedef {{muted: string, line: string, surface: string, text: string, colors: string[], font: string}} Look */

/** @type {Promise<any>|null} */
let library = null;

/**
 * @template T
 * @param {object} how
 * @param {string} how.title
 * @param {number} [how.height]
 * @param {(data: T, look: Look) => any} how.option what ECharts draws
 * @param {(data: T) => any[][]} how.rows the same as a table, its head first
 * @param {(data: T) => string} how.says for those who do not see it
 * @param {Record<string, (event: any, chart: any) => void>} [how.on] listeners
 * @param {any} [how.tools]
 */
export function chartCard({ title, height = 260, option, rows, says, on = {}, tools }) {
  const canvas = h('div', { style: { height: `${height}px` } });
  const box = h('div', { class: 'chart-box', role: 'img', 'aria-label': title }, canvas);
  const notes = h('div', { class: 'chart-notes' });
  const name = h('h3', null, title);
  const button = (/** @type {string} */ label, /** @type {string} */ word, /** @type {() => void} */ act) => h('button', { class: 'ghost small', type: 'button', title: label, 'aria-label': `${word}: ${title}`, on: { click: act } }, icon('download', 14), word);
  const el = h('figure', { class: 'chart-card' }, h('div', { class: 'chart-head' }, name, tools || null, button('Save as a picture', 'PNG', picture), button('Save its numbers', 'CSV', () => shown !== null && saveCsv(title, rows(shown)))), box, notes);
  /** @type {any} */ let chart = null;
  /** @type {T|null} */ let shown = null;
  let left = false;
  const observer = new ResizeObserver(() => chart?.resize());
  const themed = () => shown !== null && draw(shown);
  addEventListener('triops:theme', themed);

  /** @param {T} data */
  async function draw(data) {
    shown = data;
    box.setAttribute('aria-label', `${title}. ${says(data)}`);
    library ??= import('../vendor/echarts.min.js');
    const echarts = await library;
    if (left || shown !== data) return;
    if (!chart) {
      chart = echarts.init(canvas, null, { renderer: 'canvas' });
      for (const [event, heard] of Object.entries(on)) chart.on(event, (/** @type {any} */ e) => heard(e, chart));
      observer.observe(canvas);
    }
    chart.setOption({ animation: false, textStyle: { fontFamily: look().font }, ...option(data, look()) }, { notMerge: true });
  }

  function picture() {
    if (chart) saveUrl(`${fileName(title)}.png`, chart.getDataURL({ type: 'png', pixelRatio: 2, backgroundColor: token('surface') }));
  }

  return {
    el,
    set: draw,
    /** @param {any} words */
    note(words) {
      notes.replaceChildren(...[words].flat().filter(Boolean));
    },
    resize: (/** @type {number} */ px) => { canvas.style.height = `${px}px`; chart?.resize(); },
    leave() {
      left = true;
      removeEventListener('triops:theme', themed);
      observer.disconnect();
      chart?.dispose();
    },
  };
}

/** @returns {Look} */
function look() {
  const [muted, line, surface, text] = ['muted', 'line', 'surface', 'text'].map(token);
  return { muted, line, surface, text, colors: palette(), font: getComputedStyle(document.body).fontFamily };
}

/** An axis in the house's manner. @param {Look} look @param {any} more */
export function axis({ muted, line }, more) {
  return { axisLine: { lineStyle: { color: line } }, axisTick: { show: false }, splitLine: { lineStyle: { color: line, opacity: 0.7 } }, nameTextStyle: { color: muted, fontSize: 11 }, nameGap: 24, nameLocation: 'middle', ...more, axisLabel: { color: muted, fontSize: 11, hideOverlap: true, ...more.axisLabel } };
}

/** @param {Look} look @param {any} more */
export function tooltip({ surface, line, text }, more) {
  return { confine: true, backgroundColor: surface, borderColor: line, borderWidth: 1, padding: 0, transitionDuration: 0, textStyle: { color: text, fontSize: 12 }, extraCssText: 'box-shadow:none;z-index:20', ...more };
}

/** As many colours as asked, the palette first, then its hues turned. @param {string[]} colors @param {number} i */
export function colorAt(colors, i) {
  return i < colors.length ? colors[i] : `hsl(${Math.round((i * 137.5) % 360)} 55% 52%)`;
}
