// Bytes and quantities as JSON-RPC writes them.

export const hex = (value) => `0x${Buffer.from(value).toString("hex")}`;

export const bytes = (text) => Uint8Array.from(Buffer.from(text.slice(2), "hex"));

export const quantity = (value) => `0x${BigInt(value).toString(16)}`;
