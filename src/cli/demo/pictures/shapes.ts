/** What drawings are made of. */

export type Color = { main: string; dark: string; light: string }

export const colors = {
  red: { main: '#d2493a', dark: '#a8352a', light: '#ee8a7c' },
  blue: { main: '#2f6f9f', dark: '#21516f', light: '#79aed2' },
  green: { main: '#4c8b5b', dark: '#356543', light: '#8cc09a' },
  mustard: { main: '#d9a22f', dark: '#a97a18', light: '#f1cc7a' },
  copper: { main: '#c06e3e', dark: '#8f4c27', light: '#e5a57c' },
  iron: { main: '#3d4349', dark: '#272b30', light: '#6b737b' },
  steel: { main: '#aeb8c2', dark: '#7f8b97', light: '#d9e0e6' },
  wood: { main: '#b98252', dark: '#8d5e36', light: '#dcb48a' },
  cream: { main: '#efe4cf', dark: '#cdbb98', light: '#fbf6ea' },
  plum: { main: '#7d4e7a', dark: '#5a3558', light: '#b387b0' },
} satisfies Record<string, Color>
export type ColorName = keyof typeof colors

/** Inside a square of 120. */
export type Shape = (color: Color) => string

export const rect = (x: number, y: number, w: number, h: number, fill: string, r = 0) =>
  `<rect x="${x}" y="${y}" width="${w}" height="${h}" rx="${r}" fill="${fill}"/>`
export const circle = (x: number, y: number, r: number, fill: string) =>
  `<circle cx="${x}" cy="${y}" r="${r}" fill="${fill}"/>`
export const oval = (x: number, y: number, rx: number, ry: number, fill: string) =>
  `<ellipse cx="${x}" cy="${y}" rx="${rx}" ry="${ry}" fill="${fill}"/>`
export const area = (d: string, fill: string) => `<path d="${d}" fill="${fill}"/>`
export const stroke = (d: string, color: string, width: number) =>
  `<path d="${d}" fill="none" stroke="${color}" stroke-width="${width}" stroke-linecap="round" stroke-linejoin="round"/>`
export const turned = (degrees: number, inner: string) =>
  `<g transform="rotate(${degrees} 60 60)">${inner}</g>`

const backgrounds = ['#e8eef4', '#f6ebe1', '#e6f1e9', '#f3e9f3', '#f8f0da', '#e2f0f1']

/** A whole picture. The same place always has the same background. */
export const picture = (place: number, inner: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 120" width="600" height="600">${rect(0, 0, 120, 120, backgrounds[place % backgrounds.length] ?? '')}${inner}</svg>`

export const shadow = (y: number, rx = 40) => oval(60, y, rx, 4, '#00000018')
