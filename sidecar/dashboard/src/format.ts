// How numbers and keys are written.

const UNIT = 1_000_000_000n;

/** An amount in 10⁻⁹ of a unit, with a sign and at most three decimals. */
export function units(amount: string): string {
  const value = BigInt(amount);
  const sign = value < 0n ? "−" : value > 0n ? "+" : "";
  const size = value < 0n ? -value : value;
  const thousandths = ((size % UNIT) / 1_000_000n).toString().padStart(3, "0").replace(/0+$/, "");
  return `${sign}${group((size / UNIT).toString())}${thousandths && "." + thousandths}`;
}

/** Digits in groups of three. */
export const group = (digits: string): string => digits.replace(/\B(?=(\d{3})+$)/g, "\u202f");

/** Beginning and end of a hash or key. */
export const short = (hex: string): string => (hex.length > 14 ? `${hex.slice(0, 8)}…${hex.slice(-4)}` : hex);

export function bytes(count: string): string {
  const value = Number(count);
  return value < 1024 ? `${value} B` : value < 1 << 20 ? `${(value / 1024).toFixed(1)} KiB` : `${(value / (1 << 20)).toFixed(1)} MiB`;
}

/** A length of time. */
export function span(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  return seconds < 100 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds / 60)} min`;
}

/** How long ago something was. */
export function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) return `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? `${minutes} min ago` : `${Math.round(minutes / 60)} h ago`;
}

/** An amount of gwei in ether. */
export const gwei = (amount: string): string => `${group((BigInt(amount) / UNIT).toString())} ETH`;

export const time = (ms: string | number): string => new Date(Number(ms)).toISOString().slice(11, 19);
