// SPDX-License-Identifier: MIT
// One hue for all that begins with the same byte, far from its neighbours'.

export const hueOfByte = (byte: number): number => (byte * 137.5) % 360;

const dark = matchMedia("(prefers-color-scheme: dark)");
export const isDark = (): boolean => dark.matches;
export const onScheme = (changed: () => void): void => dark.addEventListener("change", changed);

// Red, green and blue, 0 to 255, as the little-endian pixel of a canvas.
export function pixel(hue: number, saturation: number, light: number): number {
  const a = saturation * Math.min(light, 1 - light);
  const part = (n: number): number => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (light - a * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return (255 << 24 | part(4) << 16 | part(8) << 8 | part(0)) >>> 0;
}
