/** Our own line icons: 20 by 20, one stroke, the colour of the text around them. */

import { svg } from './dom.js';

/** @type {Record<string, string>} */
const PATHS = {
  overview: 'M3 10.5 10 4l7 6.5M5 9v7.5h10V9M8.5 16.5v-4h3v4',
  incidents: 'M10 3.2 17.5 16.3h-15zM10 8v4M10 14.2v.1',
  topology: 'M4 6a2 2 0 1 0 4 0 2 2 0 1 0-4 0M12 4.5a2 2 0 1 0 4 0 2 2 0 1 0-4 0M9.5 15a2 2 0 1 0 4 0 2 2 0 1 0-4 0M8 5.8l4-1M7 7.7l3.4 5.6M13.6 6.4l-1.6 6.7',
  changes: 'M10 2.8v3.6M10 13.6v3.6M6.4 10a3.6 3.6 0 1 0 7.2 0 3.6 3.6 0 1 0-7.2 0',
  metrics: 'M3 3v14h14M5.5 12.5l3.2-4 2.8 2.4L16 5.5',
  logs: 'M3.5 5h13M3.5 8.4h9M3.5 11.8h13M3.5 15.2h6.5',
  traces: 'M3 4.8h9M6 8.4h8M8.5 12h8.5M8.5 15.6h4',
  experiments: 'M8 3v5L3.6 15.2a1.2 1.2 0 0 0 1 1.8h10.8a1.2 1.2 0 0 0 1-1.8L12 8V3M6.8 3h6.4M6 12.5h8',
  models: 'M10 2.8 16.5 6.4 10 10 3.5 6.4zM3.5 10 10 13.6 16.5 10M3.5 13.6 10 17.2l6.5-3.6',
  llm: 'M3.5 4h13v9H9l-3.5 3.5V13h-2zM7 8.5h.1M10 8.5h.1M13 8.5h.1',
  cost: 'M10 2.6v14.8M14 6.2c-.6-1.2-2-1.9-4-1.9-2.4 0-4 1-4 2.8 0 4 8.2 1.8 8.2 5.8 0 1.8-1.7 2.8-4.2 2.8-2.2 0-3.7-.8-4.3-2.2',
  thumb_up: 'M4 9h3v7H4zM7 9.5 10 3c1.6 0 2.2 1 1.8 3l-.4 2H16l-1.4 8H7',
  thumb_down: 'M4 4h3v7H4zM7 10.5 10 17c1.6 0 2.2-1 1.8-3l-.4-2H16l-1.4-8H7',
  prompts: 'M4 6V3.5h12V6M10 3.5v13M7 16.5h6',
  playground: 'M3.5 3.5h13v13h-13zM8 7l5 3-5 3z',
  gateway: 'M3 10h4l3-5.5h7M7 10l3 5.5h7M7 10h10M14.5 2.5l2.5 2-2.5 2M14.5 8l2.5 2-2.5 2M14.5 13.5l2.5 2-2.5 2',
  view: 'M5 3.5h10v13l-5-3.6-5 3.6z',
  file: 'M5 3h6.5L15 6.5V17H5zM11.5 3v3.5H15',
  folder: 'M3 5h5l1.6 2H17v9H3z',
  dataset: 'M3.5 4h13v12h-13zM3.5 8h13M3.5 12h13M9 8v8',
  start: 'M6.5 4v12l9.5-6z',
  settings: 'M3 6h7M14 6h3M3 14h3M10 14h7M10 6a2 2 0 1 0 4 0 2 2 0 1 0-4 0M6 14a2 2 0 1 0 4 0 2 2 0 1 0-4 0',
  search: 'M4 9a5 5 0 1 0 10 0A5 5 0 1 0 4 9M12.7 12.7 17 17',
  clock: 'M3 10a7 7 0 1 0 14 0 7 7 0 1 0-14 0M10 6v4l2.6 2',
  sun: 'M7 10a3 3 0 1 0 6 0 3 3 0 1 0-6 0M10 2.5v1.8M10 15.7v1.8M2.5 10h1.8M15.7 10h1.8M4.7 4.7 6 6M14 14l1.3 1.3M4.7 15.3 6 14M14 6l1.3-1.3',
  moon: 'M16.5 12A7 7 0 1 1 8.3 3.5 5.6 5.6 0 0 0 16.5 12z',
  fold: 'M3.5 4h13v12h-13zM8 4v12',
  more: 'M4.5 10h.1M10 10h.1M15.5 10h.1',
  close: 'M5 5l10 10M15 5 5 15',
  down: 'M5.5 8 10 12.5 14.5 8',
  right: 'M8 5.5 12.5 10 8 14.5',
  copy: 'M7 7h9v9H7zM13 7V4H4v9h3',
  tick: 'M4 10.5 8.2 15 16 5.5',
  code: 'M7 5.5 2.8 10 7 14.5M13 5.5l4.2 4.5-4.2 4.5',
  download: 'M10 3v9.5M6 9l4 4 4-4M4 16.5h12',
  columns: 'M3.5 4h13v12h-13zM8 4v12M12.2 4v12',
  plus: 'M10 4v12M4 10h12',
  out: 'M12 5V3.5H4v13h8V15M8.5 10H17M14 7l3 3-3 3',
  service: 'M10 2.8 16.3 6.4v7.2L10 17.2l-6.3-3.6V6.4z',
  host: 'M3.5 4h13v5h-13zM3.5 11h13v5h-13zM6 6.5h.1M6 13.5h.1',
  database: 'M4 5.5c0-3 12-3 12 0s-12 3-12 0zM4 5.5v9c0 3 12 3 12 0v-9M4 10c0 3 12 3 12 0',
  queue: 'M3 6h14v8H3zM7.5 6v8M12 6v8',
  external: 'M3 10a7 7 0 1 0 14 0 7 7 0 1 0-14 0M3 10h14M10 3c-4 4-4 10 0 14M10 3c4 4 4 10 0 14',
  run: 'M3 15.5 7.2 9l3.2 3.4L17 4.5M12.6 4.5H17v4.4',
  alias: 'M3 3h7l7 7-7 7-7-7zM6.4 6.5h.1',
  key: 'M3.5 12.5a3.5 3.5 0 1 0 7 0 3.5 3.5 0 1 0-7 0M9.6 10.2 16.5 3.5M13.5 6.5l2 2',
};

/** @param {string} name @param {number} [size] */
export function icon(name, size = 18) {
  return svg('svg', { class: 'icon', viewBox: '0 0 20 20', width: size, height: size, 'aria-hidden': 'true' }, svg('path', { d: PATHS[name] || PATHS.service }));
}

/** The path alone, for drawings that are SVG themselves. @param {string} name */
export function iconPath(name) {
  return PATHS[name] || PATHS.service;
}
